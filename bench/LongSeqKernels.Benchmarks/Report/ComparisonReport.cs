using System.Text;
using LongSeqKernels.Cli;
using LongSeqKernels.Models;

namespace LongSeqKernels.Benchmarks;

/// <summary>A comparison as people read it: at a glance, then every case, with its charts.</summary>
internal static class ComparisonReport
{
    /// <summary>The report's files by the ends of their names.</summary>
    /// <param name="comparison">What was measured.</param>
    /// <param name="name">The name of the result, without folder and extension: charts are referred to by it.</param>
    public static IReadOnlyList<(string Suffix, string Text)> Files(Comparison comparison, string name)
    {
        string source = comparison.Machine.ToString();
        return
        [
            (".md", Markdown(comparison, name)),
            ("-roofline.svg", Roofs(comparison, source)),
            ("-lengths.svg", new TimeByLengthChart(comparison.Rows, source).ToSvg()),
            ("-ratios.svg", new RatioChart(comparison.Rows, source).ToSvg()),
        ];
    }

    /// <summary>Writes the report beside its result.</summary>
    public static void Write(string path)
    {
        string prefix = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, Path.GetFileNameWithoutExtension(path));
        foreach ((string suffix, string text) in Files(Comparison.Read(path), Path.GetFileName(prefix)))
        {
            AtomicFile.WriteText(prefix + suffix, text);
        }
    }

    private static string Markdown(Comparison comparison, string name)
    {
        var text = new StringBuilder();
        text.Append($"# LongSeqKernels and its peers\n\nMeasured on {comparison.Machine}.\n\n");
        foreach (Roofline roofline in comparison.Rooflines.Values)
        {
            text.Append($"Roofline: {roofline}.\n");
        }
        text.Append("\n## At a glance\n\n").Append(Glance(comparison).ToMarkdown());
        text.Append(
            """

            Share of the roof: the time that the measured roofs allow over ours. Ratio: the best time of PyTorch over ours, in the same run on the same inputs; above 1 we are faster.
            A range runs from the worst case to the best.

            """);
        text.Append($"\n![Operations under the roofline]({name}-roofline.svg)\n\n![Ratio to the best peer]({name}-ratios.svg)\n\n![Time by history length]({name}-lengths.svg)\n");
        text.Append("\n## Every case\n\n").Append(EveryCase(comparison).ToMarkdown());
        text.Append(
            """

            GFLOP/s counts a multiply-add as two and no exponentials, GB/s inputs and outputs once each. Ratio: the best peer's time over ours, with the 95 % interval that the rounds
            of the run allow. "wrong" marks a case whose contenders did not agree on the result.

            """);
        return text.ToString();
    }

    /// <summary>A line for every operation and direction.</summary>
    private static ResultTable Glance(Comparison comparison)
    {
        var table = new ResultTable("operation", "direction", ">cases", ">share of the roof", ">PyTorch's time / ours", ">geometric mean");
        foreach (var group in comparison.Rows.GroupBy(row => (row.Case.Op, row.Case.Direction)))
        {
            double[] ratios = [.. group.Select(row => row.TorchRatio).OfType<double>()];
            table.Row(
                group.Key.Op.Replace('-', ' '),
                group.Key.Direction.ToString().ToLowerInvariant(),
                Format.Count(group.Count()),
                Range([.. group.Select(comparison.Share).OfType<double>()], Format.Percent),
                Range(ratios, Format.Significant),
                ratios.Length == 0 ? "" : Format.Significant(Math.Exp(ratios.Average(Math.Log))));
        }
        return table;
    }

    private static string Range(double[] values, Func<double, string> format) => values.Length switch
    {
        0 => "",
        1 => format(values[0]),
        _ => $"{format(values.Min())} - {format(values.Max())}",
    };

    private static ResultTable EveryCase(Comparison comparison)
    {
        var table = new ResultTable("case", "shape", "type", ">threads", ">ours", ">GFLOP/s", ">GB/s", "bound by", ">share of roof", "best peer", ">its time", ">ratio", ">aimed at");
        foreach (ComparisonRow row in comparison.Rows)
        {
            string[] start = [row.Case.Name, row.Work?.Shape ?? "", row.Case.Dtype, $"{row.Case.Threads}"];
            string bar = row.Case.Bar is { } aimed ? Format.Fixed(aimed, 1) : "";
            if (row is not { Ours: { } ours, Work: { } work })
            {
                table.Row([.. start, "failed: " + row.Errors.GetValueOrDefault("ours", "no time"), "", "", "", "", "", "", "", bar]);
                continue;
            }
            var least = new BenchWork(work.Flops, work.Bytes);
            string[] peer = row is { BestPeer: { } best, Ratio: { } ratio }
                ? [best, Format.Time(row.Seconds[best]), $"{Format.Fixed(ratio, 2)} ({Format.Fixed(row.RatioLow!.Value, 2)} - {Format.Fixed(row.RatioHigh!.Value, 2)}){(row.Agree ? "" : ", wrong")}"]
                : ["none ran", "", ""];
            table.Row(
            [
                .. start, Format.Time(ours), Format.Significant(work.Flops / ours / 1e9), Format.Significant(work.Bytes / ours / 1e9),
                comparison.Rooflines[row.Case.Threads].BoundOf(least).ToString().ToLowerInvariant(), Format.Percent(comparison.Share(row)!.Value), .. peer, bar,
            ]);
        }
        return table;
    }

    /// <summary>The cases with the most threads: one machine has one chart.</summary>
    private static string Roofs(Comparison comparison, string source)
    {
        int threads = comparison.Rooflines.Keys.Max();
        return new RooflineChart
        {
            Title = "How far from this machine's roofline",
            Roofline = comparison.Rooflines[threads],
            Points =
            [
                .. comparison.Rows.Where(row => row.Case.Threads == threads && row is { Ours: not null, Work: not null }).Select(row => new RooflinePoint(
                    $"{row.Case.Name}, {Format.Count(row.Case.Length)}", row.Case.Direction, new BenchWork(row.Work!.Flops, row.Work.Bytes), row.Ours!.Value)),
            ],
            Source = source,
        }.ToSvg();
    }
}
