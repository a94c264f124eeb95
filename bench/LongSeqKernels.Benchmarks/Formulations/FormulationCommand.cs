using System.Diagnostics;
using System.Globalization;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>
/// <c>formulations</c>: whether <see cref="FormulationChooser"/> chooses well. One layer in both formulations at several widths, lengths and numbers of targets: predicted and measured times,
/// and how much longer the chosen one takes than the faster one, as Markdown tables.
/// </summary>
internal static class FormulationCommand
{
    private static readonly (int Width, int Heads)[] Models = [(64, 4), (128, 2), (128, 8), (256, 4), (512, 8)];
    private static readonly int[] Events = [1_000, 10_000];
    private static readonly int[] Targets = [1, 2, 4, 8, 16, 32, 64, 128, 256];

    /// <summary>Seconds for both formulations of one case.</summary>
    private const double Budget = 0.25;
    private const int LeastRounds = 5;

    /// <summary>Measures all cases and writes the tables.</summary>
    public static void Run(TextWriter output)
    {
        using var context = LongSeqContext.Create(Backend.Managed);
        MachineRates rates = context.Rates;
        var cases = new List<FormulationCase>();
        foreach ((int width, int heads) in Models)
        {
            foreach (int events in Events)
            {
                foreach (int targets in Targets)
                {
                    cases.Add(Measure(context, rates, width, heads, events, targets));
                }
            }
        }
        output.WriteLine($"Rates: {rates}. {context.Explain()}");
        output.WriteLine();
        output.WriteLine(Crossings(cases).ToMarkdown());
        output.WriteLine(Choices(cases).ToMarkdown());
        double[] losses = [.. cases.Select(each => each.Loss).Order()];
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Loss: how much longer the chosen formulation took than the faster one; mean {losses.Average():P1}, worst {losses[^1]:P1}, the faster one chosen in {losses.Count(loss => loss == 0)} of {losses.Length} cases."));
    }

    /// <summary>Times both formulations in turns.</summary>
    internal static FormulationCase Measure(LongSeqContext context, MachineRates rates, int width, int heads, int events, int targets, double budget = Budget)
    {
        var layer = new FormulationLayer(context, width, heads, events, targets);
        List<double> absorbed = [], projected = [];
        long start = Stopwatch.GetTimestamp();
        for (int round = -1; round < LeastRounds || Stopwatch.GetElapsedTime(start).TotalSeconds < budget; round++)
        {
            double first = Time(layer, AttentionFormulation.Absorbed), second = Time(layer, AttentionFormulation.Projected);
            if (round >= 0)
            {
                absorbed.Add(first);
                projected.Add(second);
            }
        }
        return new FormulationCase(width, heads, events, targets, FormulationChooser.Choose(layer.Problem, rates), Median(absorbed), Median(projected));
    }

    /// <summary>Where the costs cross: the fewest targets from which on projecting is measured to be faster.</summary>
    private static ResultTable Crossings(IEnumerable<FormulationCase> cases)
    {
        var table = new ResultTable(">D", ">H", ">events", ">break-even predicted", ">measured between");
        foreach (IGrouping<(int Width, int Heads, int Events), FormulationCase> group in cases.GroupBy(each => (each.Width, each.Heads, each.Events)))
        {
            FormulationCase[] byTargets = [.. group.OrderBy(each => each.Targets)];
            int last = Array.FindLastIndex(byTargets, each => each.Absorbed <= each.Projected);
            string measured = last < 0
                ? $"below {Format.Count(byTargets[0].Targets)}"
                : last == byTargets.Length - 1 ? $"above {Format.Count(byTargets[last].Targets)}" : $"{Format.Count(byTargets[last].Targets)} and {Format.Count(byTargets[last + 1].Targets)}";
            table.Row(
                Format.Count(group.Key.Width), Format.Count(group.Key.Heads), Format.Count(group.Key.Events),
                byTargets[0].Choice.BreakEvenTargets is { } targets ? Format.Count(targets) : "never", measured);
        }
        return table;
    }

    private static ResultTable Choices(IEnumerable<FormulationCase> cases)
    {
        var table = new ResultTable(">D", ">H", ">events", ">targets", ">absorbed", ">predicted", ">projected", ">predicted", "chosen", ">loss");
        foreach (FormulationCase each in cases)
        {
            table.Row(
                Format.Count(each.Width), Format.Count(each.Heads), Format.Count(each.Events), Format.Count(each.Targets),
                Text(each.Absorbed), Text(each.Choice.Absorbed.Seconds), Text(each.Projected), Text(each.Choice.Projected.Seconds),
                each.Choice.Formulation == AttentionFormulation.Absorbed ? "absorbed" : "projected", each.Loss == 0 ? "" : each.Loss.ToString("P0", CultureInfo.InvariantCulture));
        }
        return table;
    }

    private static double Time(FormulationLayer layer, AttentionFormulation formulation)
    {
        long start = Stopwatch.GetTimestamp();
        layer.Run(formulation);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static string Text(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds * 1000:G3} ms");

    private static double Median(List<double> times) => times.Order().ElementAt(times.Count / 2);
}
