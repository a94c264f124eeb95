namespace LongSeqKernels;

/// <summary>The colours and markers of series, and the legend that names them.</summary>
internal static class ChartLegend
{
    /// <summary>Height of a row of up to three names.</summary>
    public const double Row = 20;

    // The palette of Okabe and Ito, which colour-blind people can tell apart.
    private static readonly string[] Colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"];

    /// <summary>The colour of a series.</summary>
    public static string Colour(int series) => Colours[series % Colours.Length];

    /// <summary>Draws a legend in rows of up to three names under a chart's title.</summary>
    public static void Draw(SvgWriter svg, double width, double column, IReadOnlyList<string> names)
    {
        int columns = Math.Min(3, names.Count);
        double left = (width - (columns * column)) / 2;
        for (int i = 0; i < names.Count; i++)
        {
            double x = left + (i % 3 * column) + 40;
            double y = 84 + (i / 3 * Row);
            svg.Line(x, y, x + 28, y, Colour(i), 2.5);
            svg.Marker(x + 14, y, Colour(i), i);
            svg.Text(x + 36, y + 4.5, names[i], "start", 13, fitWidth: column - 80);
        }
    }
}
