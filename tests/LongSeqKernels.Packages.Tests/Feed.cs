using LongSeqKernels.Native;
using LongSeqKernels.Tests;
using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>
/// All packages of this repository in a folder, packed once from what the test run has built, under a version that nobody else has; those of the native library
/// are packed from the emulated one, where that can be built. Beside it lie the projects that use them; they restore into a folder of their own and find the packages of others, and those only, in the machine's.
/// </summary>
internal static class Feed
{
    private static readonly Lazy<string> Packed = new(Pack);

    private static readonly Lazy<string> Root = new(() => Directory.CreateTempSubdirectory("lsk-packages-").FullName);

    /// <summary>The folder with the packages.</summary>
    public static string Folder => Packed.Value;

    /// <summary>The version of the managed packages.</summary>
    public static string Version { get; } = $"{Repository.VersionPrefix}-test.{DateTime.UtcNow:yyyyMMddHHmmss}.{Environment.ProcessId}";

    /// <summary>The version of the packages with the native library of this test run.</summary>
    public static string NativeVersion => Version + (LongSeqNative.LoadReport.IsEmulated ? ".emulated" : "");

    /// <summary>The environment of those who use the packages: they restore into a folder beside the feed.</summary>
    public static (string Name, string Value)[] Variables => [("NUGET_PACKAGES", Path.Combine(Root.Value, "restored"))];

    /// <summary>A new folder beside the packages, whose nuget.config is that of the feed.</summary>
    public static string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(Path.GetDirectoryName(Folder)!, name)).FullName;

    /// <summary>The identities of the managed packages.</summary>
    public static IEnumerable<string> PackageIds =>
        from path in Directory.EnumerateFiles(Folder, $"*.{Version}.nupkg")
        let id = Path.GetFileName(path)[..^(Version.Length + ".nupkg".Length + 1)]
        where !id.StartsWith("LongSeqKernels.Native", StringComparison.Ordinal)
        select id;

    /// <summary>Opens a managed package.</summary>
    public static PackageFile Open(string id) => new(Path.Combine(Folder, $"{id}.{Version}.nupkg"));

    /// <summary>Packs some or all projects of the repository.</summary>
    /// <param name="project">The project or solution.</param>
    /// <param name="folder">Where the packages go.</param>
    /// <param name="nativeLibrary">The native library, or "none".</param>
    /// <param name="properties">MSBuild properties beside.</param>
    public static Run Pack(string project, string folder, string nativeLibrary, params string[] properties) => Dotnet.Run(
        Repository.Root,
        [],
        [
            "pack", project, "--no-build", "--nologo", "--configuration", Repository.Configuration,
            $"-p:VersionSuffix={Version[(Repository.VersionPrefix.Length + 1)..]}", $"-p:PackageOutputPath={folder}", $"-p:LskNativeLibrary={nativeLibrary}", .. properties,
        ]);

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
        Pack("LongSeqKernels.sln", folder, EmulatedLibrary.WhyMissing is null ? LongSeqNative.LoadReport.Path : "none").Expected();
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
