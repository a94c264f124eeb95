using System.IO.Compression;
using System.Xml.Linq;

namespace LongSeqKernels.Packages.Tests;

/// <summary>A dependency that a package declares.</summary>
internal sealed record Dependency(string Id, string Range);

/// <summary>A .nupkg or .snupkg, opened.</summary>
internal sealed class PackageFile : IDisposable
{
    private readonly ZipArchive _archive;

    public PackageFile(string path)
    {
        Path = path;
        _archive = ZipFile.OpenRead(path);
        using Stream nuspec = _archive.Entries.Single(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        Metadata = XDocument.Load(nuspec).Root!.Elements().Single(element => element.Name.LocalName == "metadata");
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The metadata element of its nuspec.</summary>
    public XElement Metadata { get; }

    /// <summary>Its files in the order of their names, but for those that describe the container.</summary>
    public IReadOnlyList<string> Files =>
    [
        .. from entry in _archive.Entries
           let name = entry.FullName
           where !name.StartsWith("_rels/", StringComparison.Ordinal) && !name.StartsWith("package/", StringComparison.Ordinal)
               && name != "[Content_Types].xml" && !name.EndsWith(".nuspec", StringComparison.Ordinal)
           orderby name
           select name,
    ];

    /// <summary>What other packages it needs.</summary>
    public IReadOnlyList<Dependency> Dependencies =>
        [.. from element in Metadata.Descendants() where element.Name.LocalName == "dependency" select new Dependency((string)element.Attribute("id")!, (string)element.Attribute("version")!)];

    /// <summary>A value of the nuspec; null when it has none.</summary>
    public string? Value(string element) => Metadata.Elements().SingleOrDefault(e => e.Name.LocalName == element)?.Value;

    /// <summary>The bytes of a file.</summary>
    public byte[] Bytes(string file)
    {
        using var bytes = new MemoryStream();
        using (Stream stream = _archive.GetEntry(file)!.Open())
        {
            stream.CopyTo(bytes);
        }
        return bytes.ToArray();
    }

    /// <summary>A file as text.</summary>
    public string Text(string file) => System.Text.Encoding.UTF8.GetString(Bytes(file)).TrimStart('\uFEFF');

    public void Dispose() => _archive.Dispose();
}
