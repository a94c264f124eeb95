using System.Runtime.InteropServices;
using Spectre.Console;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk info --json</c> prints.</summary>
internal sealed record InfoDocument(string Command, VersionInfo Versions, MachineInfo Machine, RooflineInfo Roofline, string Chosen, string Reason, IReadOnlyList<BackendInfo> Backends);

/// <summary>What runs.</summary>
internal sealed record VersionInfo(string Lsk, string Runtime, string OperatingSystem);

/// <summary>One backend and whether this machine has it.</summary>
internal sealed record BackendInfo(string Name, bool Present, string Description);

/// <summary><c>lsk info</c>: the machine, the backends, which is chosen and why.</summary>
internal sealed class InfoCommand(CommandHost host)
    : LskCommand("info", "Show this machine, the backends it has, which one is chosen and why", host)
{
    public override IReadOnlyList<string> Examples => ["lsk info", "lsk info --json", "LONGSEQ_BACKEND=portable lsk info"];

    protected override int Run(Invocation invocation)
    {
        var versions = new VersionInfo(
            typeof(LongSeqContext).Assembly.GetName().Version!.ToString(3), RuntimeInformation.FrameworkDescription, RuntimeInformation.OSDescription.Trim());
        MachineInfo machine = MachineInfo.Read();
        MachineRates roofs = MachineRates.Measure();
        using LongSeqContext chosen = LongSeqContext.Create();
        IReadOnlyList<BackendInfo> backends = Backends();
        string chosenName = ComputeOptions.NameOf(chosen.Backend);

        Terminal terminal = invocation.Terminal;
        Grid facts = new Grid().AddColumn(new GridColumn { NoWrap = true, Padding = new Padding(0, 0, 3, 0) }).AddColumn();
        void Fact(string name, string value) => facts.AddRow(new Text(name), new Text(value));
        Fact("lsk", $"{versions.Lsk} on {versions.Runtime}, {versions.OperatingSystem}");
        Fact("processor", $"{machine.Processor}, {Format.Count(machine.Threads, "hardware thread")}");
        Fact("SIMD", $"{machine.VectorBits} bits ({string.Join(", ", machine.InstructionSets)})");
        Fact("memory", Format.Bytes(machine.MemoryBytes));
        Fact("roofline", $"{roofs} (measured now: fp32 multiply-adds in registers, reads from memory)");
        Fact("chosen", chosen.Explain());
        terminal.Write(facts);
        Table table = Tables.Create("backend", "present", "what it is");
        table.Columns[^1].NoWrap = false; // why one is absent takes a sentence or two
        foreach (BackendInfo backend in backends)
        {
            table.Row(backend.Name, backend.Present ? "yes" : "no", backend.Description);
        }
        terminal.Line();
        terminal.Write(table);
        terminal.Document(new InfoDocument(Name, versions, machine, RooflineInfo.Of(roofs), chosenName, chosen.Explain(), backends), Documents.Default.InfoDocument);
        return ExitCode.Success;
    }

    private static List<BackendInfo> Backends()
    {
        var backends = new List<BackendInfo>();
        foreach ((string name, Backend value) in ComputeOptions.Names.Where(name => name.Value != Backend.Auto))
        {
            try
            {
                using LongSeqContext context = LongSeqContext.Create(value);
                backends.Add(new BackendInfo(name, true, context.Kernels.Description));
            }
            catch (Exception exception) when (exception is ArgumentException or NotSupportedException or InvalidOperationException)
            {
                backends.Add(new BackendInfo(name, false, Failure.Explain(exception).Message));
            }
        }
        return backends;
    }
}
