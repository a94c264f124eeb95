using System.Xml.Linq;
using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class SeriesChartTests
{
    private static SeriesChart Chart(params ChartSeries[] series) => new()
    {
        Title = "Capacity <1>",
        Subtitle = "by hand",
        HorizontalLabel = "width",
        Ticks = ["32", "64", "128"],
        VerticalLabel = "AUC",
        Series = series,
        Source = "nowhere",
    };

    [Test]
    public void EveryLineHasItsPointsItsBarsAndItsName()
    {
        XElement svg = XDocument.Parse(Chart(
            new ChartSeries("one layer", [new(0.7, 0.01), new(0.75, 0.01), new(0.8, 0.02)]), new ChartSeries("two layers", [new(0.72, 0.01), new(0.78, 0.01)])).ToSvg()).Root!;
        string[][] lines = [.. svg.Elements().Where(element => element.Name.LocalName == "polyline").Select(line => line.Attribute("points")!.Value.Split(' '))];
        Assert.That(lines.Select(line => line.Length), Is.EqualTo([3, 2]));
        double[] heights = [.. lines[0].Select(point => double.Parse(point.Split(',')[1]))];
        Assert.That(heights, Is.Ordered.Descending, "larger values stand higher");
        string[] texts = [.. svg.Elements().Where(element => element.Name.LocalName == "text").Select(text => text.Value)];
        Assert.That(texts, Is.SupersetOf(new[] { "Capacity <1>", "one layer", "two layers", "32", "64", "128", "Data: nowhere" }));
    }

    [Test]
    public void LinesThatDoNotFitTheTicksAreRefused()
    {
        Assert.That(() => Chart().ToSvg(), Throws.InstanceOf<ArgumentException>().With.Message.Contains("Series"));
        Assert.That(() => Chart(new ChartSeries("long", [new(1, 0), new(1, 0), new(1, 0), new(1, 0)])).ToSvg(), Throws.InstanceOf<ArgumentException>().With.Message.Contains("4 values"));
        Assert.That(() => Chart(new ChartSeries("empty", [])).ToSvg(), Throws.InstanceOf<ArgumentException>().With.Message.Contains("0 values"));
    }
}
