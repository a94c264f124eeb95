using System.Text.Json;
using System.Xml.Linq;
using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>Every package holds what it must, and nothing else.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class ContentsTests
{
    private static readonly string[] AlwaysThere = ["README.md", "icon.png"];

    private static readonly Library[] Tool = [new("LongSeqKernels.Cli", [], []) { Assembly = "lsk" }];

    private static readonly Library[] Libraries =
    [
        new("LongSeqKernels", [], ["System.Numerics.Tensors"]),
        new("LongSeqKernels.Models", ["LongSeqKernels"], ["System.Numerics.Tensors"]),
        new("LongSeqKernels.Serving", ["LongSeqKernels.Models"], ["Microsoft.Data.Sqlite", "Npgsql", "SQLitePCLRaw.bundle_e_sqlite3", "SQLitePCLRaw.core", "System.Numerics.Tensors"]),
        new("LongSeqKernels.Ilgpu", ["LongSeqKernels"], ["ILGPU.Algorithms", "System.Numerics.Tensors"]),
        new("LongSeqKernels.ManagedCuda", ["LongSeqKernels"], ["ManagedCuda-12", "System.Numerics.Tensors"]) { License = "GPL-3.0-or-later", LicenseFile = "COPYING" },
    ];

    [Test]
    public void ThesePackagesAreMade()
    {
        string[] leftOut = [.. Libraries.Select(library => library.Id).Where(id => Repository.WhyLeftOut(id) is not null)];

        Assert.That(Feed.PackageIds, Is.EquivalentTo([.. Libraries.Select(library => library.Id).Except(leftOut), "LongSeqKernels.Cli"]), "a new package is tested here as well");
    }

    [TestCaseSource(nameof(Libraries))]
    public void LibraryHoldsItsAssemblyAndItsDocuments(Library library)
    {
        using PackageFile package = library.Open();

        Assert.That(package.Files, Is.EquivalentTo([.. AlwaysThere, library.LicenseFile, $"lib/net10.0/{library.Id}.dll", $"lib/net10.0/{library.Id}.xml"]));
    }

    [TestCaseSource(nameof(Libraries))]
    public void LibraryNeedsOnlyWhatItUses(Library library)
    {
        using PackageFile package = library.Open();

        Assert.That(package.Dependencies.Select(dependency => dependency.Id), Is.EquivalentTo([.. library.Ours, .. library.Others]));
        string range = $"[{Feed.Version}, {NextMinor(Repository.VersionPrefix)})";
        Assert.That(package.Dependencies.Where(dependency => library.Ours.Contains(dependency.Id)).Select(dependency => dependency.Range), Is.All.EqualTo(range));
    }

    [TestCaseSource(nameof(Libraries))]
    public void SymbolsHoldTheSourcesOfTheAssembly(Library library)
    {
        Repository.Require(library.Id);
        using PackageFile symbols = Feed.OpenSymbols(library.Id);
        Assert.That(symbols.Files, Is.EqualTo([$"lib/net10.0/{library.Id}.pdb"]));

        using var stream = new MemoryStream(symbols.Bytes($"lib/net10.0/{library.Id}.pdb"));
        Assert.That(PortableSymbols.SourcesWithoutText(stream), Is.Empty, "a debugger shows every file without asking anybody");
    }

    [Test]
    public void ToolIsOneCommandAndHoldsSqliteForTheMachinesOfSdks()
    {
        using PackageFile package = Feed.Open("LongSeqKernels.Cli");

        Assert.That(package.Files, Is.SupersetOf([.. AlwaysThere, "LICENSE", "THIRD-PARTY-NOTICES.txt", "tools/net10.0/any/lsk.dll", "tools/net10.0/any/lsk.pdb"]));
        Assert.That(package.Files.Where(file => file.EndsWith(".xml", StringComparison.Ordinal)), Is.EqualTo(["tools/net10.0/any/DotnetToolSettings.xml"]));
        Assert.That(
            package.Files.Where(file => file.Contains("/runtimes/", StringComparison.Ordinal)).Select(file => file.Split('/')[4]).Distinct(),
            Is.EquivalentTo(["linux-x64", "linux-arm64", "linux-musl-x64", "linux-musl-arm64", "osx-x64", "osx-arm64", "win-x64", "win-arm64"]));
        XElement command = XDocument.Parse(package.Text("tools/net10.0/any/DotnetToolSettings.xml")).Descendants("Command").Single();
        Assert.That((string?)command.Attribute("Name"), Is.EqualTo("lsk"));
        Assert.That(package.Metadata.Descendants().Single(element => element.Name.LocalName == "packageType").Attribute("name")!.Value, Is.EqualTo("DotnetTool"));
        Assert.That(new FileInfo(package.Path).Length, Is.LessThan(20 << 20), "bytes to download");
    }

    [Test]
    public void NoticesOfTheToolNameWhatItIsMadeOf()
    {
        using PackageFile package = Feed.Open("LongSeqKernels.Cli");
        using JsonDocument parts = JsonDocument.Parse(package.Text("tools/net10.0/any/lsk.deps.json"));
        IEnumerable<string> shipped =
            from target in parts.RootElement.GetProperty("targets").EnumerateObject()
            from library in target.Value.EnumerateObject()
            where library.Value.TryGetProperty("runtime", out _) || library.Value.TryGetProperty("runtimeTargets", out _)
            where parts.RootElement.GetProperty("libraries").GetProperty(library.Name).GetProperty("type").GetString() == "package"
            select library.Name.Replace('/', ' ');
        string notices = package.Text("THIRD-PARTY-NOTICES.txt");

        Assert.That(shipped, Is.Not.Empty);
        Assert.That(shipped.Where(name => !notices.Contains($"  {name} ", StringComparison.Ordinal)), Is.Empty, "name version: not in THIRD-PARTY-NOTICES.txt");
    }

    [TestCaseSource(nameof(Libraries))]
    [TestCaseSource(nameof(Tool))]
    public void PackageSaysWhatItIs(Library library)
    {
        using PackageFile package = library.Open();

        Assert.That(package.Files, Is.SupersetOf(AlwaysThere));
        Assert.That(package.Text("README.md"), Does.StartWith("# "));
        Assert.That(package.Bytes("icon.png").AsSpan(1, 3).ToArray(), Is.EqualTo("PNG"u8.ToArray()));
        Assert.That(package.Value("id"), Is.EqualTo(library.Id));
        Assert.That(package.Value("version"), Is.EqualTo(Feed.Version));
        Assert.That(package.Value("readme"), Is.EqualTo("README.md"));
        Assert.That(package.Value("icon"), Is.EqualTo("icon.png"));
        Assert.That(package.Value("license"), Is.EqualTo(library.License));
        Assert.That(package.Value("authors"), Is.Not.Empty);
        Assert.That(package.Value("description"), Has.Length.InRange(40, 400));
        Assert.That(package.Value("tags")!.Split(' '), Has.Length.InRange(4, 20).And.Some.EqualTo("long-sequence"));
    }

    /// <summary>A managed package, with what it needs: packages of this repository, packages of others.</summary>
    public sealed record Library(string Id, string[] Ours, string[] Others)
    {
        public string Assembly { get; init; } = Id;

        public string License { get; init; } = "Apache-2.0";

        public string LicenseFile { get; init; } = "LICENSE";

        public override string ToString() => Id;

        internal PackageFile Open()
        {
            Repository.Require(Assembly);
            return Feed.Open(Id);
        }
    }

    private static string NextMinor(string version) => new Version(version) is var v ? $"{v.Major}.{v.Minor + 1}.0" : "";
}
