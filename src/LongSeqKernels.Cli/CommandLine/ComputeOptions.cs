using System.CommandLine;

namespace LongSeqKernels.Cli;

/// <summary>The options of commands that compute: on what.</summary>
internal sealed class ComputeOptions
{
    /// <summary>The backends under the names that users write.</summary>
    public static readonly (string Name, Backend Value)[] Names =
        [("auto", Backend.Auto), ("native", Backend.Native), ("managed", Backend.Managed), ("portable", Backend.Portable), ("reference", Backend.Reference)];

    private readonly Option<Choice<Backend>> _backend = OptionOf.OneOf("--backend", "What computes", Backend.Auto, Names);

    private readonly Option<int> _threads = OptionOf.Integer("--threads", "Threads of the CPU backends, 0 for one per processor", 0, 0, 1024);

    public ComputeOptions(Command command)
    {
        command.Add(_backend);
        command.Add(_threads);
    }

    /// <summary>The name that users write for a backend.</summary>
    public static string NameOf(Backend backend) => Names.First(name => name.Value == backend).Name;

    public LongSeqContext CreateContext(Invocation invocation) => CreateContext(invocation, invocation.Get(_threads));

    /// <summary>A context with its share of the threads.</summary>
    public LongSeqContext CreateContext(Invocation invocation, int threads) =>
        LongSeqContext.Create(invocation.Get(_backend).Value, new LongSeqContextOptions { Threads = threads });

    /// <summary>The number of threads that was asked for, resolved.</summary>
    public int Threads(Invocation invocation) => invocation.Get(_threads) is var threads and > 0 ? threads : Environment.ProcessorCount;
}
