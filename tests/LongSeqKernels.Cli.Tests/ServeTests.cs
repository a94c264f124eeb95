using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using LongSeqKernels.Serving;

namespace LongSeqKernels.Cli.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed partial class ServeTests
{
    private const string Store = "summaries.db";

    [Test]
    public async Task ServedScoresAreThoseOfTheTool()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        LskProcess.Run(directory.Path, "summarize", SmallLog.Name, VistaFile.Name, "--store", Store);
        LskRun tool = LskProcess.Run(directory.Path, "score", SmallLog.Name, VistaFile.Name, "--store", Store, "--user", "user3", "--item", "item5", "item7", "--top", "0", "--repeat", "1", "--json");
        var expected = tool.Json.GetProperty("users")[0].GetProperty("best").EnumerateArray().ToDictionary(item => item.GetProperty("item").GetString()!, item => item.GetProperty("score").GetSingle());
        using LskProcess server = LskProcess.Start(directory.Path, [], "serve", VistaFile.Name, "--store", Store, "--log", SmallLog.Name, "--listen", "127.0.0.1:0");
        using HttpClient client = Client(server);
        (HttpStatusCode status, JsonElement answer) = await PostAsync(client, """{"user": "user3", "items": ["item5", "item7"]}""");
        Assert.That(status, Is.EqualTo(HttpStatusCode.OK), answer.ToString());
        float[] scores = [.. answer.GetProperty("scores").EnumerateArray().Select(score => score.GetSingle())];
        Assert.That(scores, Is.EqualTo([expected["item5"], expected["item7"]]).Within(1e-5));
        Assert.That((await PostAsync(client, """{"user": "nobody", "candidates": [1]}""")).Status, Is.EqualTo(HttpStatusCode.NotFound));
        Assert.That(await client.GetStringAsync(new Uri("/metrics", UriKind.Relative)), Does.Contain("lsk_requests_total{code=\"200\"} 1"));
        server.Signal("TERM");
        LskRun run = server.Wait();
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
        Assert.That(run.Output, Does.Contain("Stopping: requests in progress are finished."));
    }

    [Test]
    public async Task AddressesThatCannotBeListenedOnAreExplained()
    {
        using var directory = new WorkingDirectory();
        VistaFile.WriteTo(directory);
        LskRun missing = LskProcess.Run(directory.Path, "serve", VistaFile.Name, "--store", Store);
        Assert.That(missing.ExitCode, Is.EqualTo(1), missing.ToString());
        Assert.That(missing.Errors, Does.Contain($"the SQLite file {Store} does not exist."));
        await (await SummaryStore.OpenAsync(directory.File(Store))).DisposeAsync();
        LskRun malformed = LskProcess.Run(directory.Path, "serve", VistaFile.Name, "--store", Store, "--listen", "localhost");
        Assert.That(malformed.ExitCode, Is.EqualTo(2), malformed.ToString());
        Assert.That(malformed.Errors, Does.Contain("--listen is \"localhost\"; it must be an IP address with a port"));
        using var taken = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        LskRun inUse = LskProcess.Run(directory.Path, "serve", VistaFile.Name, "--store", Store, "--listen", taken.LocalEndpoint.ToString()!);
        Assert.That(inUse.ExitCode, Is.EqualTo(1), inUse.ToString());
        Assert.That(inUse.Errors, Does.Contain("address already in use").And.Not.Contain("Unexpected"));
    }

    private static HttpClient Client(LskProcess server)
    {
        server.WaitForOutput("http://");
        return new HttpClient { BaseAddress = new Uri(Address().Match(server.OutputSoFar).Value) };
    }

    private static async Task<(HttpStatusCode Status, JsonElement Answer)> PostAsync(HttpClient client, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await client.PostAsync(new Uri("/v1/score", UriKind.Relative), content);
        using JsonDocument document = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return (response.StatusCode, document.RootElement.Clone());
    }

    [GeneratedRegex("http://[0-9.:]+")]
    private static partial Regex Address();
}
