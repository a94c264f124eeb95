using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace LongSeqKernels.Packages.Tests;

/// <summary>
/// A solution with this repository's MSBuild files and one optional package, made up: a library that needs it, and the library's tests. No server is asked:
/// packages of others come from the machine's folder, the made-up one from a folder feed or from nowhere.
/// </summary>
internal sealed class MiniSolution : IDisposable
{
    /// <summary>The made-up package.</summary>
    public const string Package = "LongSeqKernels.MadeUp";

    private const string PackageVersion = "1.2.3";

    private readonly string _folder = Directory.CreateTempSubdirectory("lsk-optional-").FullName;

    /// <param name="required">What its projects say that they require.</param>
    public MiniSolution(string required = Package)
    {
        CopyBuildFiles();
        Write("nuget.config", $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="empty" value="{Directory.CreateDirectory(PathOf("empty")).FullName}" />
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
        Write("Mini.slnx", """
            <Solution>
              <Project Path="src/Adapter/Adapter.csproj" />
              <Project Path="tests/Adapter.Tests/Adapter.Tests.csproj" />
            </Solution>
            """);
        WriteLibrary(required);
        WriteTests(required);
    }

    /// <summary>Whether the library's code is in its assembly.</summary>
    public bool LibraryIsCompiled
    {
        get
        {
            using var file = new PEReader(File.OpenRead(PathOf("src/Adapter/bin/Release/net10.0/Adapter.dll")));
            MetadataReader metadata = file.GetMetadataReader();
            return metadata.TypeDefinitions.Any(type => metadata.GetString(metadata.GetTypeDefinition(type).Name) == "Adapted");
        }
    }

    /// <summary>A feed with the package: a folder, with an assembly of this repository as what it holds.</summary>
    public string MakeFeed()
    {
        string feed = Directory.CreateDirectory(PathOf("feed")).FullName;
        using ZipArchive package = ZipFile.Open(Path.Combine(feed, $"{Package}.{PackageVersion}.nupkg"), ZipArchiveMode.Create);
        using (var writer = new StreamWriter(package.CreateEntry($"{Package}.nuspec").Open()))
        {
            writer.Write($"""
                <package xmlns="http://schemas.microsoft.com/packaging/2013/05/nuspec.xsd">
                  <metadata>
                    <id>{Package}</id>
                    <version>{PackageVersion}</version>
                    <authors>this test</authors>
                    <description>Made up.</description>
                    <dependencies><group targetFramework="net10.0" /></dependencies>
                  </metadata>
                </package>
                """);
        }
        string assembly = typeof(JaggedLayout).Assembly.Location;
        package.CreateEntryFromFile(assembly, $"lib/net10.0/{Path.GetFileName(assembly)}");
        return feed;
    }

    /// <summary>Runs the dotnet command on the solution.</summary>
    /// <param name="restored">Which of its package folders it uses: what was restored there once needs no feed again.</param>
    /// <param name="variables">Its <c>LSK_</c> variables; those that are not given are unset.</param>
    /// <param name="command">The command.</param>
    /// <param name="options">Its options.</param>
    public Run Run(string restored, (string Name, string Value)[] variables, string command, params string[] options) =>
        Dotnet.Run(
            _folder,
            [("NUGET_PACKAGES", PathOf(restored)), ("LSK_OPTIONAL", ""), ("LSK_NUGET_FEED", ""), .. variables],
            [command, "Mini.slnx", "-p:Configuration=Release", "-nologo", "-tl:off", "-v:minimal", .. options]);

    /// <summary>Runs the library's tests as they were built.</summary>
    public Run Test() => Dotnet.Run(_folder, [], PathOf("tests/Adapter.Tests/bin/Release/net10.0/Adapter.Tests.dll"));

    /// <summary>The packages that packing what was built gives.</summary>
    public IEnumerable<string> Pack(string restored, (string Name, string Value)[] variables)
    {
        string folder = Directory.CreateDirectory(PathOf("packed")).FullName;
        Run(restored, variables, "pack", "--no-build", $"-p:PackageOutputPath={folder}").Expected();
        string[] packages = [.. Directory.EnumerateFiles(folder, "*.nupkg").Select(path => Path.GetFileName(path))];
        Directory.Delete(folder, recursive: true);
        return packages;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string PathOf(string name) => Path.Combine(_folder, name);

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(name))!);
        File.WriteAllText(PathOf(name), text + "\n");
    }

    /// <summary>The repository's own files, but for the optional packages: in their place, in the same one line, the made-up one.</summary>
    private void CopyBuildFiles()
    {
        string[] files =
        [
            .. Directory.EnumerateFiles(Repository.Root, "Directory.*"),
            .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "bindings/optional")),
            .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "src/Packaging")),
            Path.Combine(Repository.Root, "global.json"),
            Path.Combine(Repository.Root, "LICENSE"),
        ];
        foreach (string file in files)
        {
            string copy = PathOf(Path.GetRelativePath(Repository.Root, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        XDocument versions = XDocument.Load(PathOf("Directory.Packages.props"));
        XElement[] optional = [.. OptionalPackages.In(versions)];
        optional[0].AddBeforeSelf(
            new XElement("PackageVersion", new XAttribute("Include", Package), new XAttribute("Version", PackageVersion), new XAttribute("Optional", "true")));
        optional.Remove();
        versions.Save(PathOf("Directory.Packages.props"));
    }

    private void WriteLibrary(string required)
    {
        Write("src/Adapter/README.md", "# Adapter");
        Write("src/Adapter/Adapter.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <LskRequires>{required}</LskRequires>
                <IsPackable>true</IsPackable>
                <Description>Needs an optional package.</Description>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{required}" />
              </ItemGroup>
            </Project>
            """);
        Write("src/Adapter/Adapted.cs", $$"""
            namespace Adapter;

            /// <summary>Does not compile without the package.</summary>
            public static class Adapted
            {
                /// <summary>The name of a type of the package.</summary>
                public static string Name => typeof({{typeof(JaggedLayout).FullName}}).Name;
            }
            """);
    }

    private void WriteTests(string required)
    {
        Write("tests/Adapter.Tests/Adapter.Tests.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <IsTestProject>true</IsTestProject>
                <EnableNUnitRunner>true</EnableNUnitRunner>
                <LskRequires>{required}</LskRequires>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="NUnit" />
                <PackageReference Include="NUnit3TestAdapter" />
                <ProjectReference Include="../../src/Adapter/Adapter.csproj" />
              </ItemGroup>
            </Project>
            """);
        Write("tests/Adapter.Tests/AdaptedTests.cs", """
            using NUnit.Framework;

            namespace Adapter.Tests;

            public sealed class AdaptedTests
            {
                [Test]
                public void TheLibraryHasItsPackage() => Assert.That(Adapted.Name, Is.Not.Empty);
            }
            """);
    }
}
