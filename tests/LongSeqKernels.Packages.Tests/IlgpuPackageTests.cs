using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>The ILGPU backend's package, where it is packed.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class IlgpuPackageTests
{
    private const string Id = "LongSeqKernels.Ilgpu";

    [Test]
    public void FreshProjectOffersItToAuto()
    {
        Repository.Require(Id);
        var project = new FreshProject(Id + ".Use", File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Programs", "IlgpuLayerNorm.cs")), "", (Id, Feed.Version));
        project.Build().Expected();

        Assert.That(project.Start().Expected(), Does.Contain("sum: 0, largest: 1.3416"));
    }
}
