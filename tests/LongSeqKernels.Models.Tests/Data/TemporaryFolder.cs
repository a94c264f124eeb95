namespace LongSeqKernels.Models.Tests;

/// <summary>A folder of a test's own, removed with all it holds.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Root = Directory.CreateTempSubdirectory("longseq-test-").FullName;

    public string Root { get; }

    public string this[string name] => Path.Combine(Root, name);

    public string Write(string name, byte[] contents)
    {
        File.WriteAllBytes(this[name], contents);
        return this[name];
    }

    public string Write(string name, string contents) => Write(name, System.Text.Encoding.UTF8.GetBytes(contents));

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
