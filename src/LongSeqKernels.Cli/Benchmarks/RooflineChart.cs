namespace LongSeqKernels.Cli;

/// <summary>A measured operation.</summary>
/// <param name="Name">What stands beside its number.</param>
/// <param name="Direction">Forward or backward.</param>
/// <param name="Work">What it must do at least.</param>
/// <param name="Seconds">What it took.</param>
internal sealed record RooflinePoint(string Name, Direction Direction, BenchWork Work, double Seconds);

/// <summary>Draws measured operations under the measured roofs of the machine, operational intensity against GFLOP/s, and the share of its roof that each reaches, as SVG.</summary>
internal sealed record RooflineChart
{
    private const double Width = 1260;
    private const double Left = 78;
    private const double Top = 104;
    private const double PlotWidth = 560;
    private const double LeastHeight = 460;
    private const double Row = 18;
    private const double KeyLeft = 680;
    private const double BarLeft = 1064;
    private const double BarWidth = 140;

    /// <summary>Title.</summary>
    public required string Title { get; init; }

    /// <summary>The roofs.</summary>
    public required Roofline Roofline { get; init; }

    /// <summary>The operations, one or more.</summary>
    public required IReadOnlyList<RooflinePoint> Points { get; init; }

    /// <summary>Where and when it was measured.</summary>
    public required string Source { get; init; }

    /// <summary>The chart.</summary>
    public string ToSvg()
    {
        // The share that is read at the bars decides the order, and so the numbers.
        List<(RooflinePoint Point, double Share)> points =
            [.. Points.Select(point => (point, Roofline.Seconds(point.Work) / point.Seconds)).OrderByDescending(pair => pair.Item2)];
        double plotHeight = Math.Max(LeastHeight, points.Count * Row);
        var svg = new SvgWriter(Width, Top + plotHeight + 100);
        svg.Text(Width / 2, 34, Title, "middle", 18, "bold", fitWidth: Width - 40);
        svg.Text(Width / 2, 58, Roofline.ToString(), "middle", 13, colour: SvgWriter.Faint, fitWidth: Width - 40);
        Plot(svg, points, plotHeight);
        Key(svg, points);
        svg.Text(Width / 2, Top + plotHeight + 84, Source, "middle", 12, colour: SvgWriter.Faint, fitWidth: Width - 40);
        return svg.ToString();
    }

    private static double Intensity(RooflinePoint point) => point.Work.Flops / point.Work.Bytes;

    private static double Rate(RooflinePoint point) => point.Work.Flops / point.Seconds / 1e9;

    private static string Colour(RooflinePoint point) => ChartLegend.Colour((int)point.Direction);

    private void Plot(SvgWriter svg, List<(RooflinePoint Point, double Share)> points, double height)
    {
        double peak = Roofline.FlopsPerSecond / 1e9;
        DecadeAxis x = DecadeAxis.Around(points.Min(pair => Intensity(pair.Point)), Math.Max(points.Max(pair => Intensity(pair.Point)), Roofline.FlopsPerSecond / Roofline.MemoryBytesPerSecond));
        DecadeAxis y = DecadeAxis.Around(points.Min(pair => Rate(pair.Point)), Math.Max(peak, points.Max(pair => Rate(pair.Point))));
        double X(double value) => Left + (x.Share(value) * PlotWidth);
        double Y(double value) => Top + height - (y.Share(value) * height);
        foreach (double tick in x.Ticks)
        {
            svg.Line(X(tick), Top, X(tick), Top + height, SvgWriter.Grid, 1);
            svg.Text(X(tick), Top + height + 20, DecadeAxis.Label(tick), "middle", 12);
        }
        foreach (double tick in y.Ticks)
        {
            svg.Line(Left, Y(tick), Left + PlotWidth, Y(tick), SvgWriter.Grid, 1);
            svg.Text(Left - 8, Y(tick) + 4.5, DecadeAxis.Label(tick), "end", 12);
        }
        svg.Text(Left + (PlotWidth / 2), Top + height + 46, "operational intensity (floating-point operations a byte of inputs and outputs)", "middle", 13);
        svg.Text(Left - 56, Top + (height / 2), "GFLOP/s", "middle", 13, turned: true);
        svg.Line(X(peak * 1e9 / Roofline.MemoryBytesPerSecond), Y(peak), Left + PlotWidth, Y(peak), SvgWriter.Ink, 2);
        svg.Text(Left + PlotWidth - 4, Y(peak) - 6, $"{peak:N0} GFLOP/s", "end", 12);
        foreach ((int index, ReadRoof read) in Roofline.Reads.Index())
        {
            bool isMemory = index == Roofline.Reads.Count - 1;
            Diagonal(svg, x, y, X, Y, read.BytesPerSecond, isMemory ? SvgWriter.Ink : SvgWriter.Faint, isMemory ? 2 : 0.7);
        }
        svg.Line(Left + PlotWidth - 132, Top + height - 46, Left + PlotWidth - 108, Top + height - 46, SvgWriter.Ink, 2);
        svg.Text(Left + PlotWidth - 102, Top + height - 42, "reads from memory", "start", 11);
        svg.Line(Left + PlotWidth - 132, Top + height - 28, Left + PlotWidth - 108, Top + height - 28, SvgWriter.Faint, 0.7);
        svg.Text(Left + PlotWidth - 102, Top + height - 24, "reads from caches", "start", 11);
        var taken = new List<(double X, double Y)>(points.Select(pair => (X(Intensity(pair.Point)), Y(Rate(pair.Point)))));
        foreach ((int index, (RooflinePoint point, double _)) in points.Index())
        {
            (double px, double py) = (X(Intensity(point)), Y(Rate(point)));
            svg.Marker(px, py, Colour(point), (int)point.Direction);
            (double lx, double ly) = FreePlace(px, py, taken);
            taken.Add((lx, ly));
            if (Math.Abs(lx - px) + Math.Abs(ly - py) > 24)
            {
                svg.Line(px, py, lx, ly, SvgWriter.Faint, 0.6);
            }
            svg.Text(lx, ly + 4, $"{index + 1}", "middle", 11, "bold", Colour(point));
        }
    }

    /// <summary>One memory roof, from the left edge or the bottom to the flat roof.</summary>
    private void Diagonal(SvgWriter svg, DecadeAxis x, DecadeAxis y, Func<double, double> toX, Func<double, double> toY, double bytesPerSecond, string colour, double width)
    {
        double rate = bytesPerSecond / 1e9;
        double from = Math.Max(x.Lowest, y.Lowest / rate);
        double to = Math.Min(x.Highest, Roofline.FlopsPerSecond / bytesPerSecond);
        svg.Line(toX(from), toY(from * rate), toX(to), toY(to * rate), colour, width);
    }

    /// <summary>The nearest place for a number that no point and no other number takes.</summary>
    private static (double X, double Y) FreePlace(double x, double y, List<(double X, double Y)> taken)
    {
        foreach (double distance in (double[])[13, 20, 28, 38, 50, 64])
        {
            for (int turn = 0; turn < 12; turn++)
            {
                double angle = (turn * Math.PI / 6) - (Math.PI / 4);
                (double px, double py) = (x + (distance * Math.Cos(angle)), y + (distance * Math.Sin(angle)));
                if (taken.TrueForAll(other => Math.Abs(other.X - px) > 13 || Math.Abs(other.Y - py) > 11))
                {
                    return (px, py);
                }
            }
        }
        return (x, y - 13);
    }

    /// <summary>The names of the numbers, and the share of its roof that each operation reaches.</summary>
    private void Key(SvgWriter svg, List<(RooflinePoint Point, double Share)> points)
    {
        double scale = BarWidth / Math.Max(1, points.Max(pair => pair.Share));
        foreach (Direction direction in Enum.GetValues<Direction>())
        {
            double at = KeyLeft + 24 + ((int)direction * 90);
            svg.Marker(at, Top - 22, ChartLegend.Colour((int)direction), (int)direction);
            svg.Text(at + 10, Top - 17.5, direction.ToString().ToLowerInvariant(), "start", 12);
        }
        svg.Text(BarLeft, Top - 18, "share of its roof", "start", 12, "bold");
        foreach ((int index, (RooflinePoint point, double share)) in points.Index())
        {
            double y = Top + (index * Row);
            svg.Text(KeyLeft + 20, y + 12, $"{index + 1}", "end", 11, "bold", Colour(point));
            svg.Text(KeyLeft + 28, y + 12, point.Name, "start", 11, fitWidth: BarLeft - KeyLeft - 36);
            svg.Bar(BarLeft, y + 2, share * scale, Row - 5, Colour(point));
            svg.Text(BarLeft + (share * scale) + 5, y + 12, Format.Percent(share), "start", 11);
        }
        svg.Line(BarLeft + scale, Top - 4, BarLeft + scale, Top + (points.Count * Row), SvgWriter.Ink, 1);
    }
}
