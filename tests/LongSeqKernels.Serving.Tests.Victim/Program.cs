using LongSeqKernels.Models;
using LongSeqKernels.Serving;
using LongSeqKernels.Serving.Tests.Victim;

// put LOCATION FIRST: writes batch after batch and says so after each commit.
// work LOCATION LOG RUN: summarises with a short lease until the run is finished.
await using ISummaryStore store = await SummaryStore.OpenAsync(args[1]);
if (args[0] == "put")
{
    for (int round = int.Parse(args[2]); ; round++)
    {
        await store.PutAsync(VictimRecords.Batch(round));
        await Console.Out.WriteLineAsync($"{round}");
        await Console.Out.FlushAsync();
    }
}
var worker = new SummaryWorker(
    store, InteractionLogFile.Load(args[2]), new MadeUpSummariser(TimeSpan.FromMilliseconds(1)),
    new SummaryWorkerOptions { Run = args[3], Version = VictimRecords.Version, RequestTime = 0, Lease = TimeSpan.FromMilliseconds(300) });
await Console.Out.WriteLineAsync("started");
await Console.Out.FlushAsync();
await worker.RunAsync();
