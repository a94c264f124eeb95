using System.CommandLine;
using System.Diagnostics;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk bench --json</c> prints.</summary>
internal sealed record BenchDocument(string Command, RunRecord Run, string Explanation, Roofline Roofline, IReadOnlyList<BenchRow> Rows);

/// <summary>One operation: median time in seconds, the rates that follow from it, the roof that bounds it and the share of that roof it reaches.</summary>
internal sealed record BenchRow(
    string Operation,
    string Shape,
    BenchShape Sizes,
    string Type,
    Direction Direction,
    int Runs,
    double Seconds,
    double BestSeconds,
    BenchWork Work,
    double GigabytesPerSecond,
    double GigaflopsPerSecond,
    Bound Bound,
    double RooflineShare);

/// <summary><c>lsk bench</c>: how fast every operation is here.</summary>
internal sealed class BenchCommand : LskCommand
{
    private readonly Option<NumberList> _history = OptionOf.Integers("--history", "Events of the history", [10_000], 1, 10_000_000);
    private readonly Option<NumberList> _targets = OptionOf.Integers("--targets", "Targets that share the history", [1, 128], 1, 100_000);
    private readonly Option<int> _heads = OptionOf.Integer("--heads", "Attention heads", 4, 1, 256);
    private readonly Option<int> _headWidth = OptionOf.Integer("--head-width", "Elements of a head; the model width is heads times this", 32, 1, 1024);
    private readonly Option<int> _seeds = OptionOf.Integer("--seeds", "Seeds of summary pooling and prototypes of sketch attention", 64, 1, 4096);
    private readonly Option<Choice<SummaryEncoding>> _encoding = OptionOf.OneOf("--encoding", "How encoded rows are stored", SummaryEncoding.Int8, ("fp16", SummaryEncoding.Float16), ("int8", SummaryEncoding.Int8), ("int4", SummaryEncoding.Int4));
    private readonly Option<Choice<ElementType>> _type = OptionOf.OneOf("--type", "Storage type", ElementType.Float32, ("fp32", ElementType.Float32), ("bf16", ElementType.BFloat16), ("fp16", ElementType.Float16));
    private readonly Option<Choice<Direction?>> _direction = OptionOf.OneOf<Direction?>("--direction", "Measure one direction only", null, ("both", null), ("forward", Direction.Forward), ("backward", Direction.Backward));
    private readonly Option<double> _seconds = OptionOf.Real("--seconds", "Time to measure each operation, after as long a warm-up", 0.25, 0.001, 600, "s");
    private readonly Option<Choice<string>> _operation = OptionOf.OneOf("--operation", "Measure one operation only", "all", [("all", "all"), .. BenchCatalogue.All.Select(operation => (operation.Name, operation.Name))]);
    private readonly Option<string?> _svg = OptionOf.Text("--svg", "Draw the operations under the roofs", "file");
    private readonly Option<string?> _markdown = OptionOf.Text("--markdown", "Write the table with machine and command", "file");
    private readonly ComputeOptions _compute;

    public BenchCommand(CommandHost host)
        : base("bench", "Measure every operation: time, GB/s, GFLOP/s and the share of what this machine can do", host)
    {
        foreach (Option option in (Option[])[_operation, _direction, _history, _targets, _heads, _headWidth, _seeds, _encoding, _type, _seconds, _svg, _markdown])
        {
            Add(option);
        }
        _compute = new ComputeOptions(this);
    }

    public override string Details =>
        """
        Rates are those of the median time. GB/s counts inputs and outputs once each, GFLOP/s a multiply-add as two and no exponentials.
        The roofline is measured before and after, with the same threads: multiply-adds in registers, and reads of data of several sizes, from the caches to memory. An
        operation is bound by the roof that it would take longer to reach, for memory that of data of its size; its share is the time at that roof over its time.
        Shapes are all combinations of the lengths and numbers of targets that are given. Inputs are random numbers; nothing is read from disk.
        """;

    public override IReadOnlyList<string> Examples =>
        ["lsk bench", "lsk bench --operation cross-attention --history 1000,10000,100000 --targets 1,300 --type bf16", "lsk bench --threads 1 --direction forward --svg roofline.svg"];

    protected override int Run(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        foreach (Option<string?> file in (Option<string?>[])[_svg, _markdown])
        {
            if (invocation.Get(file) is { } path)
            {
                OutputFile.EnsureWritable(path, file.Name);
            }
        }
        List<PlannedBench> cases = Cases(invocation);
        if (cases.Count == 0)
        {
            throw Failure.Usage($"{invocation.Get(_operation).Value} has nothing to measure with --direction {invocation.Get(_direction).Name} and --type {invocation.Get(_type).Name}.");
        }
        var clock = Stopwatch.StartNew();
        using LongSeqContext context = _compute.CreateContext(invocation);
        terminal.Line(context.Explain());
        Roofline roofline = Roofline.Measure(_compute.Threads(invocation));
        terminal.Line($"Measured roofline: {roofline}");
        List<BenchTimes> times = terminal.Track("Measuring", cases.Count, "cases", progress =>
        {
            var measured = new List<BenchTimes>();
            foreach (PlannedBench one in cases)
            {
                progress.Report(measured.Count, one.Operation.Title);
                BenchRun run = one.Operation.Make(context, one.Sizes, one.Direction, invocation.Get(_type).Value);
                measured.Add(BenchTimes.Measure(run.Run, invocation.Get(_seconds), invocation.Interruption));
            }
            progress.Report(cases.Count);
            return measured;
        });
        roofline = roofline.Best(Roofline.Measure(roofline.Threads));
        List<BenchRow> rows = [.. cases.Zip(times, (one, time) => RowOf(one, invocation.Get(_type), time, roofline))];
        var document = new BenchDocument(Name, RunRecord.Of(invocation, _compute, context, clock.Elapsed), context.Explain(), roofline, rows);
        ResultTable table = TableOf(rows);
        table.Show(terminal);
        if (invocation.Get(_svg) is { } svg)
        {
            AtomicFile.WriteText(svg, Chart(document));
            terminal.Line($"Wrote {svg}.");
        }
        if (invocation.Get(_markdown) is { } markdown)
        {
            AtomicFile.WriteText(markdown, $"# Operations and the roofline\n\n{roofline}\n\n{table.ToMarkdown()}\n{document.Run.ToMarkdown()}");
            terminal.Line($"Wrote {markdown}.");
        }
        terminal.Document(document, Documents.Default.BenchDocument);
        return ExitCode.Success;
    }

    /// <summary>Every combination of operation, sizes and direction, once; sizes that an operation does not depend on do not repeat it.</summary>
    private List<PlannedBench> Cases(Invocation invocation)
    {
        string asked = invocation.Get(_operation).Value;
        bool isFloat32 = invocation.Get(_type).Value == ElementType.Float32;
        Direction? direction = invocation.Get(_direction).Value;
        IEnumerable<PlannedBench> all =
            from operation in BenchCatalogue.All
            where (asked == "all" || asked == operation.Name) && (isFloat32 || !operation.IsFloat32Only)
            from history in invocation.Get(_history).Values
            from targets in invocation.Get(_targets).Values
            from way in operation.Directions
            where direction is null || direction == way
            select new PlannedBench(operation, way, new BenchShape(history, targets, invocation.Get(_heads), invocation.Get(_headWidth))
            {
                Seeds = invocation.Get(_seeds),
                Encoding = invocation.Get(_encoding).Value,
            });
        return [.. all.DistinctBy(one => (one.Operation.Name, one.Direction, one.Operation.Describe(one.Sizes)))];
    }

    private static ResultTable TableOf(List<BenchRow> rows)
    {
        var table = new ResultTable("operation", "shape", "type", "direction", ">median", ">best", ">GB/s", ">GFLOP/s", "bound by", ">share of roof");
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
                row.Bound.ToString().ToLowerInvariant(),
                Format.Percent(row.RooflineShare));
        }
        return table;
    }

    private static string Chart(BenchDocument document) => new RooflineChart
    {
        Title = "Operations under the roofline",
        Roofline = document.Roofline,
        Points = [.. document.Rows.Select(row => new RooflinePoint($"{row.Operation}, {row.Shape}", row.Direction, row.Work, row.Seconds))],
        Source = $"{document.Run.Machine.Processor}, backend {document.Run.Backend}, lsk {document.Run.Version}, {document.Run.Finished:yyyy-MM-dd}",
    }.ToSvg();

    private static BenchRow RowOf(PlannedBench one, Choice<ElementType> type, BenchTimes times, Roofline roofline)
    {
        BenchWork work = one.Operation.Work(one.Sizes, one.Direction, type.Value);
        return new BenchRow(
            one.Operation.Title,
            one.Operation.Describe(one.Sizes),
            one.Sizes,
            type.Name,
            one.Direction,
            times.Runs,
            times.Median,
            times.Best,
            work,
            work.Bytes / times.Median / 1e9,
            work.Flops / times.Median / 1e9,
            roofline.BoundOf(work),
            roofline.Seconds(work) / times.Median);
    }

    /// <summary>A case whose tensors have not been made yet.</summary>
    private sealed record PlannedBench(BenchOperation Operation, Direction Direction, BenchShape Sizes);
}
