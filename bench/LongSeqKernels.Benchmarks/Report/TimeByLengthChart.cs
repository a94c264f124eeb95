namespace LongSeqKernels.Benchmarks;

/// <summary>A panel for every operation that was measured with several lengths: time of each contender by history length, both axes logarithmic, as SVG.</summary>
internal sealed class TimeByLengthChart(IReadOnlyList<ComparisonRow> rows, string source)
{
    private const int Columns = 4;
    private const double PanelWidth = 230;
    private const double PanelHeight = 170;
    private const double CellWidth = 310;
    private const double CellHeight = 250;
    private const double Left = 70;
    private const double Top = 140;
    private const double Width = Left + (Columns * CellWidth);
    private const int Ours = 0;

    private readonly string[] _contenders =
        ["ours", .. rows.SelectMany(row => row.Seconds.Keys).Where(name => name != "ours").Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The chart.</summary>
    public string ToSvg()
    {
        ComparisonRow[][] panels = [.. rows.GroupBy(row => row.Case.Name).Select(group => group.ToArray()).Where(group => group.DistinctBy(row => row.Case.Length).Count() > 1)];
        double height = Top + ((panels.Length + Columns - 1) / Columns * CellHeight);
        var svg = new SvgWriter(Width, height + 36);
        svg.Text(Width / 2, 34, "Time by history length", "middle", 18, "bold");
        svg.Text(Width / 2, 58, "milliseconds of one run by events of the history; both axes logarithmic", "middle", 13, colour: SvgWriter.Faint);
        ChartLegend.Draw(svg, Width, 230, _contenders);
        foreach ((int index, ComparisonRow[] panel) in panels.Index())
        {
            Panel(svg, panel, Left + (index % Columns * CellWidth), Top + (index / Columns * CellHeight));
        }
        svg.Text(Width / 2, height + 18, source, "middle", 12, colour: SvgWriter.Faint, fitWidth: Width - 40);
        return svg.ToString();
    }

    private void Panel(SvgWriter svg, ComparisonRow[] panel, double left, double top)
    {
        double[] lengths = [.. panel.Select(row => (double)row.Case.Length)];
        double[] times = [.. panel.SelectMany(row => row.Seconds.Values).Select(seconds => 1e3 * seconds)];
        var x = DecadeAxis.Around(lengths.Min(), lengths.Max());
        var y = DecadeAxis.Around(times.Min(), times.Max());
        double X(double length) => left + (x.Share(length) * PanelWidth);
        double Y(double milliseconds) => top + PanelHeight - (y.Share(milliseconds) * PanelHeight);
        svg.Text(left + (PanelWidth / 2), top - 8, panel[0].Case.Name, "middle", 12, "bold", fitWidth: CellWidth - 10);
        foreach (double tick in x.Ticks)
        {
            svg.Line(X(tick), top, X(tick), top + PanelHeight, SvgWriter.Grid, 1);
            svg.Text(X(tick), top + PanelHeight + 17, DecadeAxis.Label(tick), "middle", 11);
        }
        foreach (double tick in y.Ticks)
        {
            svg.Line(left, Y(tick), left + PanelWidth, Y(tick), SvgWriter.Grid, 1);
            svg.Text(left - 6, Y(tick) + 4, DecadeAxis.Label(tick), "end", 11);
        }
        svg.Line(left, top + PanelHeight, left + PanelWidth, top + PanelHeight, SvgWriter.Ink, 1.2);
        svg.Line(left, top, left, top + PanelHeight, SvgWriter.Ink, 1.2);
        // Ours last, on top of the others.
        for (int contender = _contenders.Length - 1; contender >= Ours; contender--)
        {
            List<(double X, double Y)> points =
                [.. panel.Where(row => row.Seconds.ContainsKey(_contenders[contender])).OrderBy(row => row.Case.Length).Select(row => (X(row.Case.Length), Y(1e3 * row.Seconds[_contenders[contender]])))];
            if (points.Count == 0)
            {
                continue;
            }
            svg.Polyline(points, ChartLegend.Colour(contender));
            points.ForEach(point => svg.Marker(point.X, point.Y, ChartLegend.Colour(contender), contender));
        }
    }
}
