namespace LongSeqKernels.Models;

/// <summary>Draws a report as SVG: AUC and NLL by history length, on a logarithmic axis, a line per scorer, bars of one standard error.</summary>
public static class LengthChart
{
    private const double Width = 1040;
    private const double PanelTop = 100;
    private const double PanelHeight = 330;
    private const double PanelWidth = 410;
    private const double LeftPanel = 80;
    private const double RightPanel = 600;

    /// <summary>Draws a report.</summary>
    /// <param name="report">The report; one result or more.</param>
    /// <param name="title">Title of the chart.</param>
    /// <exception cref="ArgumentException">The report has no results.</exception>
    public static string ToSvg(EvaluationReport report, string title)
    {
        if (report.Results.Count == 0 || report.Results.Any(result => result.Windows.Count == 0))
        {
            throw new ArgumentException("report has no results; it must have one or more.", nameof(report));
        }
        // Legend rows of up to three series stand between title and panels.
        int legendRows = (report.Results.Count + 2) / 3;
        double top = PanelTop + (legendRows * ChartLegend.Row);
        double height = top + PanelHeight + 110;
        var svg = new SvgWriter(Width, height);
        svg.Text(Width / 2, 34, title, "middle", 19, "bold");
        svg.Text(
            Width / 2, 58, $"{report.Requests:#,0} requests of {report.Users.Count:#,0} users, 1 positive against {report.Protocol.Negatives} negatives; bars: ± 1 standard error over users",
            "middle", 13, colour: SvgWriter.Faint);
        ChartLegend.Draw(svg, Width, 320, [.. report.Results.Select(result => result.Name)]);
        var windows = report.Results.MaxBy(result => result.Windows.Count)!.Windows;
        var x = LogAxis.Of(windows);
        Panel(svg, report, x, LeftPanel, top, "AUC (higher is better)", window => window.Auc);
        Panel(svg, report, x, RightPanel, top, "NLL, nats (lower is better)", window => window.Nll);
        svg.Text(Width / 2, height - 16, $"Data: {report.Source}", "middle", 12, colour: SvgWriter.Faint, fitWidth: Width - 40);
        return svg.ToString();
    }

    private static void Panel(SvgWriter svg, EvaluationReport report, LogAxis x, double left, double top, string label, Func<WindowResult, Estimate> value)
    {
        var estimates = report.Results.SelectMany(result => result.Windows).Select(value).ToList();
        var y = LinearAxis.Around(estimates.Min(estimate => estimate.Mean - estimate.Error), estimates.Max(estimate => estimate.Mean + estimate.Error));
        double X(WindowResult window) => left + (x.Share(window) * PanelWidth);
        double Y(double at) => top + PanelHeight - (y.Share(at) * PanelHeight);
        foreach (double tick in y.Ticks)
        {
            svg.Line(left, Y(tick), left + PanelWidth, Y(tick), SvgWriter.Grid, 1);
            svg.Text(left - 8, Y(tick) + 4.5, y.Label(tick), "end", 12);
        }
        foreach (var (share, text) in x.Ticks)
        {
            double at = left + (share * PanelWidth);
            svg.Line(at, top, at, top + PanelHeight, SvgWriter.Grid, 1);
            svg.Text(at, top + PanelHeight + 20, text, "middle", 12);
        }
        svg.Line(left, top + PanelHeight, left + PanelWidth, top + PanelHeight, SvgWriter.Ink, 1.2);
        svg.Line(left, top, left, top + PanelHeight, SvgWriter.Ink, 1.2);
        svg.Text(left + (PanelWidth / 2), top + PanelHeight + 46, "history length (events, logarithmic)", "middle", 13);
        svg.Text(left - 56, top + (PanelHeight / 2), label, "middle", 13, turned: true);
        for (int i = 0; i < report.Results.Count; i++)
        {
            var windows = report.Results[i].Windows;
            foreach (var window in windows)
            {
                var estimate = value(window);
                svg.ErrorBar(X(window), Y(estimate.Mean - estimate.Error), Y(estimate.Mean + estimate.Error), ChartLegend.Colour(i));
            }
            svg.Polyline(windows.Select(window => (X(window), Y(value(window).Mean))), ChartLegend.Colour(i));
            foreach (var window in windows)
            {
                svg.Marker(X(window), Y(value(window).Mean), ChartLegend.Colour(i), i);
            }
        }
    }
}
