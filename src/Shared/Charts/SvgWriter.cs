using System.Globalization;
using System.Text;

namespace LongSeqKernels;

/// <summary>Writes the few shapes that charts need as SVG, on a white ground.</summary>
internal sealed class SvgWriter
{
    public const string Ink = "#222222";
    public const string Faint = "#666666";
    public const string Grid = "#E6E6E6";
    private readonly StringBuilder _svg = new();

    public SvgWriter(double width, double height)
    {
        _svg.Append(Invariant($"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif">
            <rect width="{width}" height="{height}" fill="#FFFFFF"/>

            """));
    }

    public void Line(double x1, double y1, double x2, double y2, string colour, double width) =>
        Append($"""<line x1="{x1:0.##}" y1="{y1:0.##}" x2="{x2:0.##}" y2="{y2:0.##}" stroke="{colour}" stroke-width="{width}"/>""");

    public void Polyline(IEnumerable<(double X, double Y)> points, string colour)
    {
        string text = string.Join(' ', points.Select(point => Invariant($"{point.X:0.##},{point.Y:0.##}")));
        Append($"""<polyline points="{text}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-linejoin="round"/>""");
    }

    /// <summary>A filled rectangle.</summary>
    public void Bar(double x, double y, double width, double height, string colour) =>
        Append($"""<rect x="{x:0.##}" y="{y:0.##}" width="{width:0.##}" height="{height:0.##}" fill="{colour}"/>""");

    /// <summary>A vertical bar with caps.</summary>
    public void ErrorBar(double x, double low, double high, string colour)
    {
        const double Cap = 4;
        Line(x, low, x, high, colour, 1.4);
        Line(x - Cap, low, x + Cap, low, colour, 1.4);
        Line(x - Cap, high, x + Cap, high, colour, 1.4);
    }

    /// <summary>A marker whose shape tells the series apart where colours do not.</summary>
    public void Marker(double x, double y, string colour, int series)
    {
        const double R = 4.5;
        string attributes = $"""fill="{colour}" stroke="#FFFFFF" stroke-width="1" """.TrimEnd();
        FormattableString shape = (series % 4) switch
        {
            0 => $"""<circle cx="{x:0.##}" cy="{y:0.##}" r="{R}" {attributes}/>""",
            1 => $"""<rect x="{x - R:0.##}" y="{y - R:0.##}" width="{2 * R}" height="{2 * R}" {attributes}/>""",
            2 => $"""<path d="M{x:0.##} {y - R - 1:0.##}l{R + 1} {(2 * R) + 1}h-{2 * (R + 1)}z" {attributes}/>""",
            _ => $"""<path d="M{x:0.##} {y - R - 1:0.##}l{R + 1} {R + 1}l-{R + 1} {R + 1}l-{R + 1} -{R + 1}z" {attributes}/>""",
        };
        Append(shape);
    }

    /// <summary>A line of text, made narrower where it would exceed <paramref name="fitWidth"/>.</summary>
    public void Text(
        double x, double y, string text, string anchor, double size, string weight = "normal", string colour = Ink, double fitWidth = double.PositiveInfinity, bool turned = false)
    {
        // The mean advance of a sans-serif letter is a little over half its size.
        double estimate = 0.56 * size * text.Length;
        double fitted = estimate > fitWidth ? Math.Max(7, size * fitWidth / estimate) : size;
        int most = (int)(fitWidth / (0.56 * fitted));
        string cut = text.Length > most ? string.Concat(text.AsSpan(0, Math.Max(0, most - 3)), "...") : text;
        string transform = turned ? Invariant($""" transform="rotate(-90 {x:0.##} {y:0.##})" """).TrimEnd() : "";
        Append($"""<text x="{x:0.##}" y="{y:0.##}" text-anchor="{anchor}" font-size="{fitted:0.##}" font-weight="{weight}" fill="{colour}"{transform}>{Escaped(cut)}</text>""");
    }

    public override string ToString() => $"{_svg}</svg>\n";

    private void Append(FormattableString line) => _svg.Append(Invariant(line)).Append('\n');

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Text as XML: markup escaped, characters that XML does not allow replaced.</summary>
    private static string Escaped(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '<' => escaped.Append("&lt;"),
                '>' => escaped.Append("&gt;"),
                '&' => escaped.Append("&amp;"),
                < 0x20 or 0xFFFE or 0xFFFF => escaped.Append('\uFFFD'),
                _ => escaped.Append(rune.ToString()),
            };
        }
        return escaped.ToString();
    }
}
