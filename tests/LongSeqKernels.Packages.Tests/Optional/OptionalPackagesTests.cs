using System.Xml.Linq;
using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>A project whose package no feed has is left out, loudly; wherever a feed has it, it is an ordinary project (bindings/optional).</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class OptionalPackagesTests
{
    private const string Package = MiniSolution.Package;

    [Test]
    public void AProjectComesAndGoesWithItsPackage()
    {
        using var solution = new MiniSolution();
        AssertLeftOut(solution);

        (string, string)[] feed = [("LSK_NUGET_FEED", solution.MakeFeed())];
        string output = solution.Run("with", feed, "build").Expected();
        Assert.That(output, Does.Contain($"probed optional package {Package}: restorable = true").And.Not.Contains("LSK0001"));
        Assert.That(solution.LibraryIsCompiled);
        Assert.That(solution.Test().Expected(), Does.Contain("succeeded: 1").And.Contains("skipped: 0"));
        string[] packed = [$"Adapter.{Repository.VersionPrefix}.nupkg"];
        Assert.That(solution.Pack("with", feed), Is.EqualTo(packed));

        AssertLeftOut(solution);
    }

    [Test]
    public void APackageThatIsRequiredAndThatNoFeedHasIsAnError()
    {
        using var solution = new MiniSolution();
        Run run = solution.Run("without", [("LSK_OPTIONAL", "all")], "restore");

        Assert.That(run.ExitCode, Is.Not.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("error NU1101").And.Contains(Package).And.Not.Contains("probed"));
    }

    [Test]
    public void NobodyIsAskedWhereNoOptionalPackageIsWanted()
    {
        using var solution = new MiniSolution();
        string output = solution.Run("with", [("LSK_OPTIONAL", "none"), ("LSK_NUGET_FEED", solution.MakeFeed())], "build").Expected();

        Assert.That(output, Does.Not.Contain("probed"));
        Assert.That(output, Does.Contain($"warning LSK0001: Adapter is LEFT OUT of this build: package {Package} was not asked for (LSK_OPTIONAL=none)"));
        Assert.That(solution.LibraryIsCompiled, Is.False);
    }

    [Test]
    public void AFeedThatCannotBeReachedIsNotTakenForOneWithoutThePackage()
    {
        using var solution = new MiniSolution();
        Run run = solution.Run("without", [("LSK_NUGET_FEED", "https://127.0.0.1:9/index.json"), ("NUGET_ENHANCED_MAX_NETWORK_TRY_COUNT", "1")], "build");

        Assert.That(run.ExitCode, Is.Not.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("error LSK0003").And.Contains(Package).And.Contains("is the feed reachable?"));
    }

    [Test]
    public void APackageThatNobodyAsksForIsAnError()
    {
        using var solution = new MiniSolution(required: "LongSeqKernels.Misspelt");
        Run run = solution.Run("without", [("LSK_OPTIONAL", "none")], "build");

        Assert.That(run.ExitCode, Is.Not.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("error LSK0002: Adapter requires LongSeqKernels.Misspelt"));
    }

    [Test]
    public void EveryPackageThatAProjectRequiresIsAskedForAndEveryOneAskedForIsRequired()
    {
        string[] required =
        [
            .. from folder in new[] { "src", "bindings", "tests", "bench" }
               from project in Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.csproj", SearchOption.AllDirectories)
               from name in XDocument.Load(project).Descendants("LskRequires")
               select name.Value,
        ];
        IEnumerable<string> asked = OptionalPackages.In(XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props"))).Select(version => version.Attribute("Include")!.Value);

        Assert.That(required.Distinct(), Is.EquivalentTo(asked));
    }

    private static void AssertLeftOut(MiniSolution solution)
    {
        string output = solution.Run("without", [], "build").Expected();
        Assert.That(output, Does.Contain($"probed optional package {Package}: restorable = false"));
        foreach (string project in new[] { "Adapter", "Adapter.Tests" })
        {
            Assert.That(
                output,
                Does.Contain($"warning LSK0001: {project} is LEFT OUT of this build: package {Package} could not be restored from the configured feeds."));
        }
        Assert.That(solution.LibraryIsCompiled, Is.False);
        Assert.That(
            solution.Test().Expected(),
            Does.Contain($"Adapter.Tests was NOT RUN: package {Package} could not be restored from the configured feeds.").And.Contains("skipped: 1").And.Contains("succeeded: 0"));
        Assert.That(solution.Pack("without", []), Is.Empty, "nothing empty is ever packed");
    }
}
