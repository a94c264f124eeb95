using BenchmarkDotNet.Running;
using LongSeqKernels.Benchmarks;

if (args is ["worker"])
{
    PeerWorker.Serve(Console.In, Console.Out);
    return;
}
BenchmarkSwitcher.FromAssembly(typeof(PeerWorker).Assembly).Run(args, new RooflineConfig());
