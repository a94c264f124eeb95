namespace LongSeqKernels.Models;

/// <summary>A line of a <see cref="SeriesChart"/>.</summary>
/// <param name="Name">What the legend says.</param>
/// <param name="Values">One per tick of the horizontal axis, from the first; a line may end before the last tick.</param>
public sealed record ChartSeries(string Name, IReadOnlyList<Estimate> Values);

/// <summary>Draws lines over named ticks that stand equally far apart, with bars of one standard error, as SVG.</summary>
public sealed record SeriesChart
{
    private const double Width = 760;
    private const double Left = 96;
    private const double PanelWidth = 620;
    private const double PanelHeight = 340;

    /// <summary>Title.</summary>
    public required string Title { get; init; }

    /// <summary>A line under the title: what was measured, and what the bars are.</summary>
    public required string Subtitle { get; init; }

    /// <summary>What the ticks are.</summary>
    public required string HorizontalLabel { get; init; }

    /// <summary>Names of the ticks, one or more.</summary>
    public required IReadOnlyList<string> Ticks { get; init; }

    /// <summary>What the values are.</summary>
    public required string VerticalLabel { get; init; }

    /// <summary>The lines, one or more.</summary>
    public required IReadOnlyList<ChartSeries> Series { get; init; }

    /// <summary>Where the data came from.</summary>
    public required string Source { get; init; }

    /// <summary>The chart.</summary>
    /// <exception cref="ArgumentException">There is no line, or one has no values or more than there are ticks.</exception>
    public string ToSvg()
    {
        if (Ticks.Count == 0 || Series.Count == 0 || Series.Any(series => series.Values.Count == 0 || series.Values.Count > Ticks.Count))
        {
            throw Error.Invalid(nameof(Series), $"{Series.Count} lines of {string.Join(", ", Series.Select(series => series.Values.Count))} values", $"one line or more, each of 1 to {Ticks.Count} values, one per tick");
        }
        double top = 92 + ((Series.Count + 2) / 3 * ChartLegend.Row);
        double height = top + PanelHeight + 100;
        var svg = new SvgWriter(Width, height);
        svg.Text(Width / 2, 34, Title, "middle", 18, "bold", fitWidth: Width - 40);
        svg.Text(Width / 2, 58, Subtitle, "middle", 13, colour: SvgWriter.Faint, fitWidth: Width - 40);
        ChartLegend.Draw(svg, Width, 230, [.. Series.Select(series => series.Name)]);
        var estimates = Series.SelectMany(series => series.Values).ToList();
        var y = LinearAxis.Around(estimates.Min(value => value.Mean - value.Error), estimates.Max(value => value.Mean + value.Error));
        double X(int tick) => Left + ((tick + 0.5) / Ticks.Count * PanelWidth);
        double Y(double value) => top + PanelHeight - (y.Share(value) * PanelHeight);
        foreach (double tick in y.Ticks)
        {
            svg.Line(Left, Y(tick), Left + PanelWidth, Y(tick), SvgWriter.Grid, 1);
            svg.Text(Left - 8, Y(tick) + 4.5, y.Label(tick), "end", 12);
        }
        for (int tick = 0; tick < Ticks.Count; tick++)
        {
            svg.Text(X(tick), top + PanelHeight + 20, Ticks[tick], "middle", 12, fitWidth: PanelWidth / Ticks.Count);
        }
        svg.Line(Left, top + PanelHeight, Left + PanelWidth, top + PanelHeight, SvgWriter.Ink, 1.2);
        svg.Line(Left, top, Left, top + PanelHeight, SvgWriter.Ink, 1.2);
        svg.Text(Left + (PanelWidth / 2), top + PanelHeight + 46, HorizontalLabel, "middle", 13);
        svg.Text(Left - 66, top + (PanelHeight / 2), VerticalLabel, "middle", 13, turned: true);
        for (int i = 0; i < Series.Count; i++)
        {
            IReadOnlyList<Estimate> values = Series[i].Values;
            string colour = ChartLegend.Colour(i);
            for (int tick = 0; tick < values.Count; tick++)
            {
                svg.ErrorBar(X(tick), Y(values[tick].Mean - values[tick].Error), Y(values[tick].Mean + values[tick].Error), colour);
            }
            svg.Polyline(values.Select((value, tick) => (X(tick), Y(value.Mean))), colour);
            for (int tick = 0; tick < values.Count; tick++)
            {
                svg.Marker(X(tick), Y(values[tick].Mean), colour, i);
            }
        }
        svg.Text(Width / 2, height - 14, $"Data: {Source}", "middle", 12, colour: SvgWriter.Faint, fitWidth: Width - 40);
        return svg.ToString();
    }
}
