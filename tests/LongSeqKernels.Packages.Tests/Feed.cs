using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>
/// All packages of this repository in a folder, packed once from what the test run has built, under a version that nobody else has.
/// Beside it lie the projects that use them; they restore into a folder of their own and find the packages of others, and those only, in the machine's.
/// </summary>
internal static class Feed
{
    private static readonly Lazy<string> Packed = new(Pack);

    private static readonly Lazy<string> Root = new(() => Directory.CreateTempSubdirectory("lsk-packages-").FullName);

    /// <summary>The folder with the packages.</summary>
    public static string Folder => Packed.Value;

    /// <summary>Their version.</summary>
    public static string Version { get; } = $"{Repository.VersionPrefix}-test.{DateTime.UtcNow:yyyyMMddHHmmss}.{Environment.ProcessId}";

    /// <summary>Where projects that use the packages restore them.</summary>
    public static string RestoreFolder => Path.Combine(Root.Value, "restored");

    /// <summary>A new folder beside the packages, whose nuget.config is that of the feed.</summary>
    public static string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(Folder)!, name)).FullName;

    /// <summary>The identities of what was packed, symbols apart.</summary>
    public static IEnumerable<string> PackageIds =>
        from path in Directory.EnumerateFiles(Folder, "*.nupkg")
        select Path.GetFileName(path)[..^(Version.Length + ".nupkg".Length + 1)];

    /// <summary>Opens a package.</summary>
    public static PackageFile Open(string id) => new(Path.Combine(Folder, $"{id}.{Version}.nupkg"));

    /// <summary>Opens the symbols of a package.</summary>
    public static PackageFile OpenSymbols(string id) => new(Path.Combine(Folder, $"{id}.{Version}.snupkg"));

    /// <summary>Deletes everything.</summary>
    public static void Delete()
    {
        if (Root.IsValueCreated)
        {
            Directory.Delete(Root.Value, recursive: true);
        }
    }

    private static string Pack()
    {
        string folder = Path.Combine(Root.Value, "feed");
        string repository = Repository.Root;
        Dotnet.Run(
            repository,
            null,
            "pack",
            "LongSeqKernels.sln",
            "--no-build",
            "--nologo",
            "--configuration",
            Repository.Configuration,
            $"-p:VersionSuffix={Version[(Repository.VersionPrefix.Length + 1)..]}",
            $"-p:PackageOutputPath={folder}").Expected();
        File.WriteAllText(Path.Combine(Root.Value, "nuget.config"), $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="packed" value="{folder}" />
              </packageSources>
              <packageSourceMapping>
                <clear />
              </packageSourceMapping>
              <fallbackPackageFolders>
                <clear />
                <add key="machine" value="{Repository.PackageFolder}" />
              </fallbackPackageFolders>
            </configuration>
            """);
        return folder;
    }
}

/// <summary>Takes the packages away when all tests have run.</summary>
[SetUpFixture]
public sealed class FeedLifetime
{
    [OneTimeTearDown]
    public void DeleteTheFeed() => Feed.Delete();
}
