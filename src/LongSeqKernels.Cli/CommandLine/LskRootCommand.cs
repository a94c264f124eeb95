using System.CommandLine;
using System.CommandLine.Help;

namespace LongSeqKernels.Cli;

/// <summary><c>lsk</c> itself: its commands and what holds for all of them.</summary>
internal sealed class LskRootCommand : RootCommand
{
    public LskRootCommand(GlobalOptions settings, CancellationToken interruption)
        : base("Attention from recommendation targets to very long user histories: train, evaluate, score and measure STCA models on any machine.")
    {
        var host = new CommandHost(settings, interruption);
        Add(settings.Json);
        Add(settings.Verbose);
        Add(new DemoCommand(host));
        Add(new ImportCommand(host));
        Add(new TrainCommand(host));
        Add(new EvaluateCommand(host));
        Add(new ScoreCommand(host));
        Add(new SummarizeCommand(host));
        Add(new ServeCommand(host));
        Add(new StoreCommand(host));
        Add(new InfoCommand(host));
        Add(new VerifyCommand(host));
        Add(new BenchCommand(host));
        HelpOption help = Options.OfType<HelpOption>().Single();
        help.Action = new CommandHelp((HelpAction)help.Action!);
    }

    public string Details =>
        """
        Numbers in options are written with a point (0.5) and without separators (10000).
        Exit codes: 0 success; 1 failure, or a check that did not pass; 2 wrong command line; 130 interrupted by Ctrl-C.
        NO_COLOR=1 switches colours off; progress bars appear on a terminal only.
        """;

    public IReadOnlyList<string> Examples => ["lsk demo", "lsk train --help"];
}
