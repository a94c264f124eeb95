using System.CommandLine;
using System.Diagnostics;
using Spectre.Console;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk verify --json</c> prints.</summary>
internal sealed record VerifyDocument(string Command, bool Passed, int Tensors, int Failed, double Seconds, IReadOnlyList<VerifyRow> Rows);

/// <summary>One operation on one backend in one storage type and direction: the tensor that came closest to its allowance, or went beyond.</summary>
internal sealed record VerifyRow(
    string Backend, string Operation, string Type, Direction Direction, int Tensors, int Failed, string WorstCase, string WorstTensor, double MaxError, double Allowed);

/// <summary><c>lsk verify</c>: parity of every backend with the fp64 reference.</summary>
internal sealed class VerifyCommand : LskCommand
{
    private static readonly (string Name, ElementType Value)[] Types =
        [("fp32", ElementType.Float32), ("bf16", ElementType.BFloat16), ("fp16", ElementType.Float16)];

    private readonly Option<Choice<Backend>> _backend = OptionOf.OneOf("--backend", "Which backend to check, auto for all", Backend.Auto, ComputeOptions.Names);
    private readonly Option<int> _threads = OptionOf.Integer("--threads", "Threads of the CPU backends, 0 for one per processor", 0, 0, 1024);
    private readonly Option<Choice<string>> _operation = OptionOf.OneOf("--operation", "Check one operation only", "all", [("all", "all"), .. VerificationCatalogue.Operations.Select(name => (name.Replace(' ', '-').ToLowerInvariant(), name))]);
    private readonly Option<bool> _thorough = OptionOf.Flag("--thorough", "Also histories of 100,000 events");

    public VerifyCommand(CommandHost host)
        : base("verify", "Check every operation of every backend of this machine against the fp64 reference", host)
    {
        Add(_backend);
        Add(_threads);
        Add(_operation);
        Add(_thorough);
    }

    public override string Details =>
        """
        Every operation runs forward and backward on ragged shapes in fp32, bf16 and fp16, with outputs that start as NaN. An error is the largest
        absolute difference from the reference; allowed is twice what one more rounding of the inputs changes, plus one rounding of the
        largest value. The table shows the worst tensor of each operation. Exit code 1 when anything is beyond its allowance.
        """;

    public override IReadOnlyList<string> Examples => ["lsk verify", "lsk verify --backend managed --operation cross-attention --thorough"];

    protected override int Run(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        string operation = invocation.Get(_operation).Value;
        VerificationCase[] cases = [.. VerificationCatalogue.Create(invocation.Get(_thorough)).Where(one => operation == "all" || one.Operation == operation)];
        List<LongSeqContext> contexts = Contexts(invocation);
        var clock = Stopwatch.StartNew();
        var rows = new List<VerifyRow>();
        var failures = new List<(string Backend, ElementType Type, Deviation Deviation)>();
        try
        {
            using LongSeqContext reference = LongSeqContext.Create(Backend.Reference);
            var verifier = new Verifier(reference);
            int total = cases.Sum(one => one.IsFloat32Only ? 1 : Types.Length) * contexts.Count;
            terminal.Track("Verifying", total, "checks", progress =>
            {
                int done = 0;
                foreach (LongSeqContext context in contexts)
                {
                    foreach ((string typeName, ElementType type) in Types)
                    {
                        var deviations = new List<Deviation>();
                        foreach (VerificationCase one in cases.Where(one => type == ElementType.Float32 || !one.IsFloat32Only))
                        {
                            invocation.Interruption.ThrowIfCancellationRequested();
                            deviations.AddRange(Check(verifier, context, one, type));
                            progress.Report(++done, one.Operation);
                        }
                        rows.AddRange(Summarise(ComputeOptions.NameOf(context.Backend), typeName, deviations));
                        failures.AddRange(deviations.Where(deviation => !deviation.Passed).Select(deviation => (ComputeOptions.NameOf(context.Backend), type, deviation)));
                    }
                }
                return done;
            });
        }
        finally
        {
            contexts.ForEach(context => context.Dispose());
        }
        int tensors = rows.Sum(row => row.Tensors);
        Show(terminal, rows, failures);
        terminal.Verdict(failures.Count == 0, failures.Count == 0
            ? $"All {Format.Count(tensors, "tensor")} agree with the reference ({Format.Duration(clock.Elapsed)})."
            : $"{Format.Count(failures.Count)} of {Format.Count(tensors, "tensor")} differ from the reference by more than is allowed.");
        terminal.Document(new VerifyDocument(Name, failures.Count == 0, tensors, failures.Count, clock.Elapsed.TotalSeconds, rows), Documents.Default.VerifyDocument);
        return failures.Count == 0 ? ExitCode.Success : ExitCode.Failure;
    }

    private List<LongSeqContext> Contexts(Invocation invocation)
    {
        Backend asked = invocation.Get(_backend).Value;
        var options = new LongSeqContextOptions { Threads = invocation.Get(_threads) };
        var contexts = new List<LongSeqContext>();
        foreach ((string name, Backend backend) in ComputeOptions.Names.Where(name => asked == Backend.Auto ? name.Value is not (Backend.Auto or Backend.Reference) : name.Value == asked))
        {
            try
            {
                contexts.Add(LongSeqContext.Create(backend, options));
            }
            catch (Exception exception) when (asked == Backend.Auto && exception is ArgumentException or NotSupportedException)
            {
                invocation.Terminal.Warning($"{name} is not on this machine and was not checked: {Failure.Explain(exception).Message}");
            }
        }
        return contexts;
    }

    private static IReadOnlyList<Deviation> Check(Verifier verifier, LongSeqContext context, VerificationCase one, ElementType type) => type switch
    {
        ElementType.Float32 => verifier.Run<float>(context, one),
        ElementType.BFloat16 => verifier.Run<BFloat16>(context, one),
        _ => verifier.Run<Half>(context, one),
    };

    private static IEnumerable<VerifyRow> Summarise(string backend, string type, List<Deviation> deviations) =>
        deviations.GroupBy(deviation => (deviation.Case.Operation, deviation.Direction)).Select(group =>
        {
            Deviation worst = group.MaxBy(deviation => deviation.Used);
            return new VerifyRow(
                backend,
                group.Key.Operation,
                type,
                group.Key.Direction,
                group.Count(),
                group.Count(deviation => !deviation.Passed),
                worst.Case.Shape,
                worst.Tensor,
                worst.MaxError,
                worst.Allowed);
        });

    private static void Show(Terminal terminal, List<VerifyRow> rows, List<(string Backend, ElementType Type, Deviation Deviation)> failures)
    {
        Table table = Tables.Create("backend", "operation", "type", ">tensors", ">forward: error", ">allowed", ">backward: error", ">allowed", "");
        foreach (IGrouping<(string Backend, string Operation, string Type), VerifyRow> group in rows.GroupBy(row => (row.Backend, row.Operation, row.Type)))
        {
            VerifyRow forward = group.First(row => row.Direction == Direction.Forward);
            VerifyRow? backward = group.FirstOrDefault(row => row.Direction == Direction.Backward);
            table.Row(
                group.Key.Backend,
                group.Key.Operation,
                group.Key.Type,
                Format.Count(group.Sum(row => row.Tensors)),
                Error(forward.MaxError),
                Error(forward.Allowed),
                backward is null ? "" : Error(backward.MaxError),
                backward is null ? "" : Error(backward.Allowed),
                group.All(row => row.Failed == 0) ? "ok" : "FAILED");
        }
        terminal.Write(table);
        foreach ((string backend, ElementType type, Deviation deviation) in failures)
        {
            terminal.Verdict(false, $"FAILED {backend}, {type}, {deviation.Case.Operation} ({deviation.Case.Shape}), {deviation.Tensor}: error {Error(deviation.MaxError)}, allowed {Error(deviation.Allowed)}");
        }
    }

    private static string Error(double value) => double.IsNaN(value) ? "not finite" : value == 0 ? "0" : value.ToString("0.0e+0", System.Globalization.CultureInfo.InvariantCulture);
}
