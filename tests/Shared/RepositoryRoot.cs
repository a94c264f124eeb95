namespace LongSeqKernels.Tests;

/// <summary>The repository that the tests run in.</summary>
internal static class RepositoryRoot
{
    /// <summary>The file that marks the repository's root.</summary>
    public const string Solution = "LongSeqKernels.sln";

    /// <summary>Its root, if the tests run inside it.</summary>
    public static string? Path { get; } = FindRoot();

    private static string? FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder, Solution)))
        {
            folder = System.IO.Path.GetDirectoryName(folder);
        }
        return folder;
    }
}
