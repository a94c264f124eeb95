using BenchmarkDotNet.Running;
using LongSeqKernels.Benchmarks;

switch (args)
{
    case ["worker"]:
        PeerWorker.Serve(Console.In, Console.Out);
        return 0;
    case ["report", .. string[] results]:
        return ReportCommand.Run(results, Console.Error);
    case ["accuracy"]:
        AccuracyCommand.Run(Console.Out);
        return 0;
    case ["formulations"]:
        FormulationCommand.Run(Console.Out);
        return 0;
    default:
        BenchmarkSwitcher.FromAssembly(typeof(PeerWorker).Assembly).Run(args, new RooflineConfig());
        return 0;
}
