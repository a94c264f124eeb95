using System.CommandLine;
using Spectre.Console;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk bench --json</c> prints.</summary>
internal sealed record BenchDocument(string Command, string Backend, string Explanation, MachineInfo Machine, RooflineInfo Roofline, BenchShape Shape, IReadOnlyList<BenchRow> Rows);

/// <summary>One operation: median time in seconds, the rates that follow from it, the roof that bounds it and the share of that roof it reaches.</summary>
internal sealed record BenchRow(
    string Operation,
    string Shape,
    string Type,
    Direction Direction,
    int Runs,
    double Seconds,
    double BestSeconds,
    double GigabytesPerSecond,
    double GigaflopsPerSecond,
    string Bound,
    double RooflineShare);

/// <summary><c>lsk bench</c>: how fast every operation is here.</summary>
internal sealed class BenchCommand : LskCommand
{
    private static readonly string[] OperationNames =
        ["cross-attention", "shared-history", "summary-pooling", "gated-ffn", "linear", "layer-norm", "linear-attention", "sketch-attention", "segment-reduce", "time-embedding", "merge-states", "summary-codec"];

    private readonly Option<int> _history = OptionOf.Integer("--history", "Events of the history", 10_000, 1, 10_000_000);
    private readonly Option<int> _targets = OptionOf.Integer("--targets", "Targets that share the history", 128, 1, 100_000);
    private readonly Option<int> _heads = OptionOf.Integer("--heads", "Attention heads", 4, 1, 256);
    private readonly Option<int> _headWidth = OptionOf.Integer("--head-width", "Elements of a head; the model width is heads times this", 32, 1, 1024);
    private readonly Option<int> _seeds = OptionOf.Integer("--seeds", "Seeds of summary pooling and prototypes of sketch attention", 64, 1, 4096);
    private readonly Option<Choice<ElementType>> _type = OptionOf.OneOf("--type", "Storage type", ElementType.Float32, ("fp32", ElementType.Float32), ("bf16", ElementType.BFloat16), ("fp16", ElementType.Float16));
    private readonly Option<double> _seconds = OptionOf.Real("--seconds", "Time to measure each operation, after as long a warm-up", 0.25, 0.001, 600, "s");
    private readonly Option<Choice<string>> _operation = OptionOf.OneOf("--operation", "Measure one operation only", "all", [("all", "all"), .. OperationNames.Select(name => (name, name))]);
    private readonly ComputeOptions _compute;

    public BenchCommand(CommandHost host)
        : base("bench", "Measure every operation: time, GB/s, GFLOP/s and the share of what this machine can do", host)
    {
        foreach (Option option in (Option[])[_history, _targets, _heads, _headWidth, _seeds, _type, _seconds, _operation])
        {
            Add(option);
        }
        _compute = new ComputeOptions(this);
    }

    public override string Details =>
        """
        Rates are those of the median time. GB/s counts the bytes that must be read and written at least, GFLOP/s a multiply-add as two and no exponentials.
        The roofline is measured first, with the same threads: multiply-adds in registers, and reads from memory. An operation is bound by the roof
        that it would take longer to reach; its share is the time at that roof over its time. Data that stays in the cache can exceed the memory roof.
        Inputs are random numbers; nothing is read from disk.
        """;

    public override IReadOnlyList<string> Examples => ["lsk bench", "lsk bench --operation cross-attention --history 100000 --targets 300 --type bf16"];

    protected override int Run(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        var sizes = new BenchShape(
            invocation.Get(_history), invocation.Get(_targets), invocation.Get(_heads), invocation.Get(_headWidth), invocation.Get(_seeds), Expansion: 2);
        Choice<ElementType> type = invocation.Get(_type);
        using LongSeqContext context = _compute.CreateContext(invocation);
        terminal.Line(context.Explain());
        MachineRates roofs = MachineRates.Measure(_compute.Threads(invocation));
        terminal.Line($"Measured roofline: {roofs}");
        var rows = new List<BenchRow>();
        string asked = invocation.Get(_operation).Value;
        PendingBench[] cases = [.. Cases(context, sizes, type.Value).Where(one => asked == "all" || one.Operation.Replace(' ', '-').Equals(asked, StringComparison.OrdinalIgnoreCase))];
        terminal.Track("Measuring", cases.Length, "cases", progress =>
        {
            for (int i = 0; i < cases.Length; i++)
            {
                progress.Report(i, cases[i].Operation);
                rows.Add(Measure(invocation, cases[i].Make(), type, roofs));
            }
            progress.Report(cases.Length);
            return rows.Count;
        });
        Table table = Tables.Create("operation", "shape", "type", "direction", ">median", ">best", ">GB/s", ">GFLOP/s", "bound by", ">share of roof");
        foreach (BenchRow row in rows)
        {
            table.Row(
                row.Operation,
                row.Shape,
                row.Type,
                row.Direction.ToString().ToLowerInvariant(),
                Format.Time(row.Seconds),
                Format.Time(row.BestSeconds),
                Format.Significant(row.GigabytesPerSecond),
                Format.Significant(row.GigaflopsPerSecond),
                row.Bound,
                Format.Percent(row.RooflineShare));
        }
        terminal.Write(table);
        terminal.Document(new BenchDocument(Name, ComputeOptions.NameOf(context.Backend), context.Explain(), MachineInfo.Read(), RooflineInfo.Of(roofs), sizes, rows), Documents.Default.BenchDocument);
        return ExitCode.Success;
    }

    private static IEnumerable<PendingBench> Cases(LongSeqContext context, BenchShape sizes, ElementType type) => type switch
    {
        ElementType.Float32 => [.. AttentionBenchmarks.All<float>(context, sizes), .. LayerBenchmarks.All<float>(context, sizes)],
        ElementType.BFloat16 => [.. AttentionBenchmarks.All<BFloat16>(context, sizes), .. LayerBenchmarks.All<BFloat16>(context, sizes)],
        _ => [.. AttentionBenchmarks.All<Half>(context, sizes), .. LayerBenchmarks.All<Half>(context, sizes)],
    };

    private BenchRow Measure(Invocation invocation, BenchCase one, Choice<ElementType> type, MachineRates roofs)
    {
        double compute = one.Flops / roofs.FlopsPerSecond;
        double memory = one.Bytes / roofs.ReadBytesPerSecond;
        BenchTimes times = BenchTimes.Measure(one.Run, invocation.Get(_seconds), invocation.Interruption);
        return new BenchRow(
            one.Operation,
            one.Shape,
            type.Name,
            one.Direction,
            times.Runs,
            times.Median,
            times.Best,
            one.Bytes / times.Median / 1e9,
            one.Flops / times.Median / 1e9,
            compute >= memory ? "compute" : "memory",
            Math.Max(compute, memory) / times.Median);
    }
}
