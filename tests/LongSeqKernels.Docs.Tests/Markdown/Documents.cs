using LongSeqKernels.Tests;

namespace LongSeqKernels.Docs.Tests.Markdown;

/// <summary>The documents and files of the repository.</summary>
internal static class Documents
{
    /// <summary>Tables of past runs, each with the commit that made it. They are records: commands that a later commit renames stay as they were.</summary>
    public const string Records = "bench/results/";

    public static string Root { get; } =
        RepositoryRoot.Path ?? throw new InvalidOperationException($"No {RepositoryRoot.Solution} above {AppContext.BaseDirectory}: the tests of the documentation read the repository.");

    /// <summary>Folders of what builds and runs leave behind.</summary>
    private static readonly string[] Ignored = [.. File.ReadLines(Path.Combine(Root, ".gitignore")).Where(line => line.EndsWith('/')).Select(line => line.TrimEnd('/'))];

    /// <summary>Every file, relative to the root; hidden folders and those that git ignores are left out.</summary>
    public static IReadOnlyList<string> Files { get; } = [.. Walk(Root).Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    /// <summary>Every Markdown file.</summary>
    public static IReadOnlyList<Document> All { get; } = [.. Files.Where(file => file.EndsWith(".md", StringComparison.OrdinalIgnoreCase)).Select(file => Document.Parse(file, Read(file)))];

    /// <summary>Every Markdown file that documents this state of the repository.</summary>
    public static IEnumerable<Document> Current => All.Where(document => !document.File.StartsWith(Records, StringComparison.Ordinal));

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    /// <summary>Whether a path relative to the root is a file or a folder of the repository.</summary>
    public static bool Exists(string path) => path.Length == 0 || Files.Any(file => file == path || file.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal));

    /// <summary>A path that a document gives, relative to the root: its own folder comes first.</summary>
    /// <returns>Null where there is nothing of that name.</returns>
    public static string? Resolve(string folder, string path)
    {
        string[] candidates = [Join(folder, path), Join("", path)];
        return candidates.FirstOrDefault(Exists);
    }

    /// <summary>Where a link leads, relative to the root.</summary>
    public static string Join(string folder, string path) =>
        Path.GetRelativePath(Root, Path.GetFullPath(Path.Combine(Root, folder, path.TrimEnd('/')))).Replace('\\', '/') is var joined && joined == "." ? "" : joined;

    private static IEnumerable<string> Walk(string folder)
    {
        IEnumerable<string> folders = Directory.EnumerateDirectories(folder).Where(child => Path.GetFileName(child) is var name && name[0] != '.' && !Ignored.Contains(name));
        return Directory.EnumerateFiles(folder).Concat(folders.SelectMany(Walk));
    }
}
