using LongSeqKernels.Bindings;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The committed files are what the header gives.</summary>
public sealed class GeneratedFilesTests
{
    private const string Fix = "Write it with: dotnet run --project bindings/LongSeqKernels.Bindings.Tool";

    [Test]
    public void TheBindingsAreCurrent() =>
        AssertCurrent("src/LongSeqKernels/Interop/Generated/Lsk.g.cs", LibraryImportEmitter.Emit(Repository.Header));

    [Test]
    public void TheTableOfStructLayoutsIsCurrent() => AssertCurrent("native/src/api/struct_layouts.cpp", StructLayoutsEmitter.Emit(Repository.Header));

    private static void AssertCurrent(string path, string expected)
    {
        string[] actualLines = Repository.Read(path).Split('\n');
        string[] expectedLines = expected.Split('\n');
        for (int i = 0; i < Math.Max(actualLines.Length, expectedLines.Length); i++)
        {
            string? actual = i < actualLines.Length ? actualLines[i] : null;
            string? mustBe = i < expectedLines.Length ? expectedLines[i] : null;
            Assert.That(actual, Is.EqualTo(mustBe), $"{path} is not what the header gives from line {i + 1} on. {Fix}");
        }
    }
}

/// <summary>The files of the repository that the tests stand in.</summary>
internal static class Repository
{
    public const string HeaderPath = "native/include/longseqkernels/lsk.h";

    public static HeaderModel Header { get; } = HeaderReader.Read(Read(HeaderPath));

    public static string Read(string path)
    {
        if (RepositoryRoot.Path is not { } root)
        {
            Assert.Ignore($"The tests run outside the repository; {path} was not looked at.");
            return "";
        }
        return File.ReadAllText(Path.Combine(root, path));
    }
}
