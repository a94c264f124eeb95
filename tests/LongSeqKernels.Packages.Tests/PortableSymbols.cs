using System.Reflection.Metadata;

namespace LongSeqKernels.Packages.Tests;

/// <summary>What a portable PDB says.</summary>
internal static class PortableSymbols
{
    // The kind of custom debug information that holds a source file, as the format's specification numbers it.
    private static readonly Guid EmbeddedSource = new("0E8A571B-6926-466E-B4AD-8AB04611F5FE");

    /// <summary>The source files that a debugger would have to look for elsewhere.</summary>
    public static IReadOnlyList<string> SourcesWithoutText(Stream pdb)
    {
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(pdb);
        MetadataReader reader = provider.GetMetadataReader();
        return
        [
            .. from document in reader.Documents
               where !reader.GetCustomDebugInformation(document).Any(information => reader.GetGuid(reader.GetCustomDebugInformation(information).Kind) == EmbeddedSource)
               select reader.GetString(reader.GetDocument(document).Name),
        ];
    }
}
