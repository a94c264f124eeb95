using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>Bars of the best peer's time over ours, from the line of equal times, with intervals, on a logarithmic axis, as SVG.</summary>
internal sealed class RatioChart(IReadOnlyList<ComparisonRow> rows, string source)
{
    private const double Width = 1080;
    private const double Left = 400;
    private const double PlotWidth = 520;
    private const double Top = 100;
    private const double Row = 18;
    private static readonly double[] Steps = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

    /// <summary>The chart.</summary>
    public string ToSvg()
    {
        ComparisonRow[] compared = [.. rows.Where(row => row.Ratio is not null)];
        double height = compared.Length * Row;
        var svg = new SvgWriter(Width, Top + height + 76);
        svg.Text(Width / 2, 34, "The best peer's time over ours", "middle", 18, "bold");
        svg.Text(Width / 2, 58, "right of 1 we are faster; thin lines: 95 % interval of the run; black marks: what was aimed at; logarithmic", "middle", 13, colour: SvgWriter.Faint);
        if (compared.Length == 0)
        {
            svg.Text(Width / 2, Top, "No case ran beside a peer.", "middle", 13);
            return svg.ToString();
        }
        double low = Steps.Last(step => step <= Math.Min(0.5, compared.Min(row => Math.Max(row.RatioLow!.Value, Steps[0]))));
        double high = Steps.First(step => step >= Math.Min(Steps[^1], Math.Max(2, compared.Max(row => row.RatioHigh!.Value))));
        double X(double ratio) => Left + (Math.Log(Math.Clamp(ratio, low, high) / low) / Math.Log(high / low) * PlotWidth);
        foreach (double step in Steps.Where(step => step >= low && step <= high))
        {
            svg.Line(X(step), Top - 6, X(step), Top + height, SvgWriter.Grid, 1);
            svg.Text(X(step), Top - 12, $"{step}", "middle", 12);
        }
        foreach ((int index, ComparisonRow row) in compared.Index())
        {
            double y = Top + (index * Row), middle = y + (Row / 2) - 0.5, ratio = row.Ratio!.Value;
            string colour = ChartLegend.Colour(ratio >= 1 ? 0 : 1);
            svg.Text(Left - 10, y + 12, $"{row.Case.Name}, {Format.Count(row.Case.Length)}", "end", 11, fitWidth: Left - 20);
            svg.Bar(Math.Min(X(1), X(ratio)), y + 2, Math.Abs(X(ratio) - X(1)), Row - 5, colour);
            svg.Line(X(row.RatioLow!.Value), middle, X(row.RatioHigh!.Value), middle, SvgWriter.Ink, 1);
            if (row.Case.Bar is { } bar)
            {
                svg.Line(X(bar), y + 1, X(bar), y + Row - 2, SvgWriter.Ink, 2.5);
            }
            svg.Text(Math.Max(X(row.Case.Bar ?? 1), Math.Max(X(1), X(row.RatioHigh!.Value))) + 6, y + 12, $"{Format.Significant(ratio)} x {row.BestPeer}{(row.Agree ? "" : ", wrong")}", "start", 11);
        }
        svg.Line(X(1), Top - 6, X(1), Top + height, SvgWriter.Ink, 1.5);
        svg.Text(Width / 2, Top + height + 50, source, "middle", 12, colour: SvgWriter.Faint, fitWidth: Width - 40);
        return svg.ToString();
    }
}
