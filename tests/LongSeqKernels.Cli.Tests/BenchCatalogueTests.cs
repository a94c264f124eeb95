using System.Xml.Linq;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
public sealed class BenchCatalogueTests
{
    private static readonly BenchShape Small = new(37, 5, 2, 8) { Seeds = 3, Parts = 2 };
    private static readonly Roofline Roofs = new(2, 400e9, [new ReadRoof(1 << 20, 200e9), new ReadRoof(1 << 24, 50e9), new ReadRoof(96 << 20, 40e9)]);

    private static IEnumerable<TestCaseData> Everything() =>
        from operation in BenchCatalogue.All
        from direction in operation.Directions
        from type in operation.IsFloat32Only ? [ElementType.Float32] : Enum.GetValues<ElementType>()
        select new TestCaseData(operation.Name, direction.ToString(), type);

    /// <summary>What is timed is the operation: the same inputs give what the specification computes.</summary>
    [TestCaseSource(nameof(Everything))]
    public void WhatIsTimedIsWhatTheReferenceComputes(string name, string direction, ElementType type)
    {
        BenchOperation operation = BenchCatalogue.Find(name);
        double[] Result(Backend backend)
        {
            using var context = LongSeqContext.Create(backend);
            BenchRun run = operation.Make(context, Small, Enum.Parse<Direction>(direction), type);
            run.Run();
            return [.. run.Result()];
        }
        double[] expected = Result(Backend.Reference);
        double largest = expected.Max(Math.Abs);
        Assert.That(largest, Is.Positive);
        Assert.That(Result(Backend.Managed), Is.EqualTo(expected).Within((type == ElementType.Float32 ? 1e-5 : 2e-2) * largest));
    }

    /// <summary>Twice the history is twice the operations, but for operations that have no history.</summary>
    [TestCaseSource(nameof(Everything))]
    public void WorkGrowsWithTheHistory(string name, string direction, ElementType type)
    {
        BenchOperation operation = BenchCatalogue.Find(name);
        BenchWork one = operation.Work(Small, Enum.Parse<Direction>(direction), type);
        BenchWork two = operation.Work(Small with { History = 2 * Small.History }, Enum.Parse<Direction>(direction), type);
        Assert.That(one.Bytes, Is.Positive);
        Assert.That(two.Flops / one.Flops, Is.EqualTo(name == "merge-states" ? 1 : 2).Within(1e-9));
        Assert.That(two.Bytes, name == "merge-states" ? Is.EqualTo(one.Bytes) : Is.GreaterThan(one.Bytes));
    }

    [Test]
    public void CrossAttentionIsTwoProductsForwardAndFiveBackward()
    {
        BenchOperation operation = BenchCatalogue.Find("cross-attention");
        var sizes = new BenchShape(1000, 16, 4, 32);
        Assert.That(operation.Work(sizes, Direction.Forward, ElementType.Float32), Is.EqualTo(new BenchWork(4.0 * 16 * 128 * 1000, 4 * ((2.0 * 128 * 1000) + (2 * 16 * 128)))));
        Assert.That(operation.Work(sizes, Direction.Backward, ElementType.BFloat16), Is.EqualTo(new BenchWork(10.0 * 16 * 128 * 1000, (2 * ((4.0 * 128 * 1000) + (4 * 16 * 128))) + (4 * 64))));
    }

    [Test]
    public void AnUnknownOperationIsNamedBesideThoseThatExist() =>
        Assert.That(() => BenchCatalogue.Find("convolution"), Throws.ArgumentException.With.Message.Contains("\"convolution\"").And.Message.Contains("cross-attention, shared-history"));

    [Test]
    public void ReadsAreAsFastAsTheCacheThatHoldsThem()
    {
        Assert.That(Roofs.ReadRate(1000), Is.EqualTo(200e9));
        Assert.That(Roofs.ReadRate(1 << 22), Is.EqualTo(100e9).Within(1));
        Assert.That(Roofs.ReadRate(1L << 40), Is.EqualTo(40e9));
    }

    [Test]
    public void TheSlowerRoofBinds()
    {
        Assert.That(Roofs.BoundOf(new BenchWork(4e9, 1e6)), Is.EqualTo(Bound.Compute));
        Assert.That(Roofs.Seconds(new BenchWork(4e9, 1e6)), Is.EqualTo(0.01));
        Assert.That(Roofs.BoundOf(new BenchWork(1e6, 4e9)), Is.EqualTo(Bound.Memory));
        Assert.That(Roofs.Seconds(new BenchWork(1e6, 4e9)), Is.EqualTo(0.1));
    }

    [Test]
    public void TheBetterOfTwoMeasurementsCountsRoofByRoof()
    {
        var other = new Roofline(2, 300e9, [new ReadRoof(1 << 20, 250e9), new ReadRoof(1 << 24, 40e9), new ReadRoof(96 << 20, 45e9)]);
        Assert.That(Roofs.Best(other).FlopsPerSecond, Is.EqualTo(400e9));
        Assert.That(Roofs.Best(other).Reads.Select(read => read.BytesPerSecond), Is.EqualTo(new[] { 250e9, 50e9, 45e9 }));
    }

    [Test]
    public void ThisMachineHasRoofs()
    {
        Roofline measured = Roofline.Measure(1);
        Assert.That(measured.FlopsPerSecond, Is.GreaterThan(1e8));
        Assert.That(measured.Reads.Select(read => read.BytesPerSecond), Has.All.GreaterThan(1e8));
        Assert.That(measured.Reads.Select(read => read.Bytes), Is.Ordered.Ascending);
    }

    /// <summary>The key is ordered by share, numbers its points, and names them in any case.</summary>
    [Test]
    public void TheChartNamesEveryOperationWithItsShare()
    {
        string svg = new RooflineChart
        {
            Title = "Title <1>",
            Roofline = Roofs,
            Points =
            [
                new RooflinePoint("slow & thin", Direction.Backward, new BenchWork(1e6, 4e9), 0.4),
                new RooflinePoint("fast", Direction.Forward, new BenchWork(4e9, 1e6), 0.0125),
                new RooflinePoint("the same again", Direction.Forward, new BenchWork(4e9, 1e6), 0.0125),
            ],
            Source = "a machine",
        }.ToSvg();
        List<string> texts = [.. XDocument.Parse(svg).Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value)];
        Assert.That(texts, Is.SupersetOf((string[])["Title <1>", "a machine", "slow & thin", "fast", "80 %", "25 %", "400 GFLOP/s"]));
        Assert.That(texts.IndexOf("fast"), Is.LessThan(texts.IndexOf("slow & thin")));
        Assert.That(texts.Count(text => text == "3"), Is.EqualTo(2), "once at the point and once in the key");
    }
}
