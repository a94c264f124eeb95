using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace LongSeqKernels.Serving.Tests;

/// <summary>The endpoint, over loopback.</summary>
[TestFixture]
public sealed class ScoringServerTests
{
    private const string Path = "/v1/score";

    private TestDatabase _database = null!;
    private ISummaryStore _store = null!;
    private TestScorer _scorer = null!;
    private ScoringServer _server = null!;
    private HttpClient _client = null!;
    private ManualClock _clock = null!;

    [SetUp]
    public async Task SetUp()
    {
        _database = TestDatabase.Create(DatabaseKind.Sqlite);
        _clock = new ManualClock(5_000);
        _store = await _database.OpenAsync(_clock);
        await _store.PutAsync([Records.Of("ann", 1), Records.Of("bob", 2), Records.Of("late", 3, expiry: 5_001), Records.Of("old", 4, version: "vista-0")]);
        await StartAsync(Options);
    }

    [TearDown]
    public async Task TearDown()
    {
        _scorer.LetGo();
        _client.Dispose();
        await _server.DisposeAsync();
        await _store.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task CandidatesAreScoredInTheirOrder()
    {
        JsonElement answer = await OkAsync("""{"user": "ann", "candidates": [5, 0, 999]}""");
        float own = Records.Of("ann", 1).Summary.Scales.Span[0];
        Assert.That(answer.GetProperty("scores").EnumerateArray().Select(score => score.GetSingle()), Is.EqualTo([own + 5, own, own + 999]));
        Assert.That(answer.GetProperty("user").GetString(), Is.EqualTo("ann"));
        Assert.That(answer.GetProperty("version").GetString(), Is.EqualTo(Records.Version));
        Assert.That(answer.GetProperty("historyLength").GetInt64(), Is.EqualTo(10_001));
        Assert.That(answer.GetProperty("historyTime").GetInt64(), Is.EqualTo(1_000));
    }

    [Test]
    public async Task ItemsCanBeNamedWhereNamesAreKnown()
    {
        await RefusedAsync("""{"user": "ann", "items": ["item5"]}""", 400, "malformed", "the server was started without a log");
        await RestartAsync(Options with { FindItem = name => name.StartsWith("item", StringComparison.Ordinal) ? int.Parse(name[4..]) : null });
        JsonElement answer = await OkAsync("""{"user": "ann", "items": ["item5", "item0"]}""");
        float own = Records.Of("ann", 1).Summary.Scales.Span[0];
        Assert.That(answer.GetProperty("scores").EnumerateArray().Select(score => score.GetSingle()), Is.EqualTo([own + 5, own]));
        await RefusedAsync("""{"user": "ann", "items": ["thing"]}""", 400, "malformed", "item 'thing' is unknown");
        await RefusedAsync("""{"user": "ann", "items": [null]}""", 400, "malformed", "item '' is unknown");
    }

    [Test]
    public async Task FeaturesReachTheModel()
    {
        await RestartAsync(Options with { ContextWidth = 2 });
        JsonElement answer = await OkAsync("""{"user": "ann", "candidates": [5, 6], "features": [10, 1, 20, 2]}""");
        float own = Records.Of("ann", 1).Summary.Scales.Span[0];
        Assert.That(answer.GetProperty("scores").EnumerateArray().Select(score => score.GetSingle()), Is.EqualTo([own + 5 + 11, own + 6 + 22]));
        await RefusedAsync("""{"user": "ann", "candidates": [5, 6]}""", 400, "malformed", "features has 0 numbers; it must have 4, 2 per candidate.");
    }

    [TestCase("""{"user": "nobody", "candidates": [1]}""", 404, "unknown_user", "There is no summary of user 'nobody'")]
    [TestCase("""{"user": "old", "candidates": [1]}""", 404, "foreign_version", "only of 'vista-0'")]
    [TestCase("""{"user": "ann", "candidates": []}""", 400, "malformed", "empty")]
    [TestCase("""{"user": "ann"}""", 400, "malformed", "Either candidates (numbers) or items (names)")]
    [TestCase("""{"user": "ann", "candidates": [1], "items": ["x"]}""", 400, "malformed", "Either candidates")]
    [TestCase("""{"candidates": [1]}""", 400, "malformed", "user is missing")]
    [TestCase("""{"user": "", "candidates": [1]}""", 400, "malformed", "user is 0 bytes long")]
    [TestCase("""{"user": "a\u0000b", "candidates": [1]}""", 400, "malformed", "NUL")]
    [TestCase("""{"user": 7, "candidates": [1]}""", 400, "malformed", "$.user")]
    [TestCase("""{"user": "ann", "candidates": [1000]}""", 400, "malformed", "candidate 1000 is unknown; the model knows items 0 to 999")]
    [TestCase("""{"user": "ann", "candidates": [-1]}""", 400, "malformed", "candidate -1 is unknown")]
    [TestCase("""{"user": "ann", "candidates": [1.5]}""", 400, "malformed", "$.candidates[0]")]
    [TestCase("""{"user": "ann", "candidates": [99999999999]}""", 400, "malformed", "$.candidates[0]")]
    [TestCase("""{"user": "ann", "candidates": [1], "features": [1]}""", 400, "malformed", "features has 1 numbers; it must have 0")]
    [TestCase("""{"user": "ann", "candidates": [1], "k": 3}""", 400, "malformed", "'k'")]
    [TestCase("""{"user": "ann", "candidates": [1]""", 400, "malformed", "no valid request")]
    [TestCase("null", 400, "malformed", "The body is null")]
    [TestCase("", 400, "malformed", "no valid request")]
    [TestCase("[[[[", 400, "malformed", "no valid request")]
    public async Task RequestsThatCannotBeAnsweredAreExplained(string body, int status, string error, string message) => await RefusedAsync(body, status, error, message);

    [Test]
    public async Task ExpiredSummariesAreGone()
    {
        await OkAsync("""{"user": "late", "candidates": [1]}""");
        _clock.UnixSeconds = 5_001;
        await RefusedAsync("""{"user": "late", "candidates": [1]}""", 410, "expired", "The summary of user 'late'");
    }

    [Test]
    public async Task DamagedRecordsAreReported()
    {
        var reported = new List<Exception>();
        await RestartAsync(Options with { Report = reported.Add });
        byte[] bytes = SummaryRecordFormat.Write(Records.Of("ann"));
        bytes[100] ^= 1;
        _database.Execute("UPDATE lsk_summary SET record = @bytes WHERE user_id = 'ann'", ("@bytes", bytes));
        await RefusedAsync("""{"user": "ann", "candidates": [1]}""", 500, "damaged_record", "User 'ann', version 'vista-1': The record is damaged");
        Assert.That(reported, Has.Count.EqualTo(1));
        await OkAsync("""{"user": "bob", "candidates": [1]}""");
    }

    [Test]
    public async Task TooLongListsAndBodiesAreRefused()
    {
        await RestartAsync(Options with { MaxCandidates = 3, MaxBodyBytes = 1000 });
        await OkAsync("""{"user": "ann", "candidates": [1, 2, 3]}""");
        await RefusedAsync("""{"user": "ann", "candidates": [1, 2, 3, 4]}""", 413, "too_large", "4 candidates are more than 3");
        await RefusedAsync($$"""{"user": "ann", "candidates": [{{string.Join(',', Enumerable.Repeat("1", 600))}}]}""", 413, "too_large", "more than 1000 bytes");
    }

    [Test]
    public async Task ABodyOfUnknownLengthIsCutOffToo()
    {
        await RestartAsync(Options with { MaxBodyBytes = 1000 });
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes("""{"user": "ann", "candidates": [1""" + new string(' ', 5000)));
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = content };
        request.Headers.TransferEncodingChunked = true;
        using HttpResponseMessage response = await _client.SendAsync(request);
        Assert.That((int)response.StatusCode, Is.EqualTo(413));
    }

    [Test]
    public async Task RequestsThatWaitAreScoredTogether()
    {
        _scorer.Hold();
        Task<JsonElement> first = OkAsync("""{"user": "ann", "candidates": [1]}""");
        _scorer.WaitUntilHeld();
        Task<JsonElement>[] rest = [.. Enumerable.Range(0, 6).Select(i => OkAsync($$"""{"user": "{{(i % 2 == 0 ? "ann" : "bob")}}", "candidates": [{{i}}]}"""))];
        await WaitAsync(() => Metric("lsk_requests_waiting") == 6);
        _scorer.LetGo();
        JsonElement[] answers = await Task.WhenAll(rest);
        for (int i = 0; i < answers.Length; i++)
        {
            float own = Records.Of("x", i % 2 == 0 ? 1 : 2).Summary.Scales.Span[0];
            Assert.That(answers[i].GetProperty("scores")[0].GetSingle(), Is.EqualTo(own + i));
        }
        await first;
        Assert.That(_scorer.BatchSizes, Is.EqualTo([1, 6]));
    }

    [Test]
    public async Task AWindowGathersRequestsOfAnIdleServer()
    {
        await RestartAsync(Options with { BatchWindow = TimeSpan.FromSeconds(2) });
        await Task.WhenAll(Enumerable.Range(0, 5).Select(i => OkAsync($$"""{"user": "ann", "candidates": [{{i}}]}""")));
        Assert.That(_scorer.BatchSizes.Sum(), Is.EqualTo(5));
        Assert.That(_scorer.BatchSizes, Has.Count.LessThan(5));
    }

    [Test]
    public async Task ARequestThatBreaksARunFailsAlone()
    {
        await RestartAsync(Options with { BatchWindow = TimeSpan.FromMilliseconds(300) });
        Task<JsonElement> good = OkAsync("""{"user": "ann", "candidates": [1]}""");
        Task bad = RefusedAsync($$"""{"user": "bob", "candidates": [{{TestScorer.Poison}}]}""", 500, "internal", "the width of the model");
        Task nan = RefusedAsync($$"""{"user": "bob", "candidates": [{{TestScorer.NotFinite}}]}""", 500, "internal", "A score of user 'bob' is not finite");
        await Task.WhenAll(good, bad, nan);
        await OkAsync("""{"user": "bob", "candidates": [1]}""");
    }

    [Test]
    public async Task TooManyWaitingRequestsAreTurnedAway()
    {
        await RestartAsync(Options with { MaxWaiting = 2, MaxBatchRequests = 1, Timeout = TimeSpan.FromSeconds(30) });
        _scorer.Hold();
        Task<JsonElement> first = OkAsync("""{"user": "ann", "candidates": [1]}""");
        _scorer.WaitUntilHeld();
        Task<JsonElement>[] waiting = [OkAsync("""{"user": "ann", "candidates": [1]}"""), OkAsync("""{"user": "ann", "candidates": [1]}""")];
        await WaitAsync(() => Metric("lsk_requests_waiting") == 2);
        using HttpResponseMessage response = await PostAsync("""{"user": "ann", "candidates": [1]}""");
        Assert.That((int)response.StatusCode, Is.EqualTo(429));
        Assert.That(response.Headers.RetryAfter!.ToString(), Is.EqualTo("1"));
        _scorer.LetGo();
        await Task.WhenAll([first, .. waiting]);
    }

    [Test]
    public async Task SlowRequestsAreGivenUp()
    {
        await RestartAsync(Options with { Timeout = TimeSpan.FromMilliseconds(200) });
        _scorer.Hold();
        await RefusedAsync("""{"user": "ann", "candidates": [1]}""", 503, "timeout", "longer than 0.2 s");
        _scorer.LetGo();
    }

    [Test]
    public async Task StoppingFinishesRequestsInProgressAndThenRefusesConnections()
    {
        _scorer.Hold();
        Task<JsonElement> inProgress = OkAsync("""{"user": "ann", "candidates": [1]}""");
        _scorer.WaitUntilHeld();
        Task stop = _server.StopAsync();
        await Task.Delay(100);
        Assert.That(stop.IsCompleted, Is.False);
        _scorer.LetGo();
        await inProgress;
        await stop;
        Assert.That(async () => await PostAsync("{}"), Throws.InstanceOf<HttpRequestException>());
    }

    [Test]
    public async Task HealthTellsWhetherTheStoreAnswers()
    {
        Assert.That(await _client.GetStringAsync(Relative("/healthz")), Is.EqualTo("""{"status":"ok","version":"vista-1"}"""));
        _database.Execute("DROP TABLE lsk_format");
        _database.Execute("DROP TABLE lsk_summary");
        using HttpResponseMessage response = await _client.GetAsync(Relative("/healthz"));
        Assert.That((int)response.StatusCode, Is.EqualTo(503));
        Assert.That(await response.Content.ReadAsStringAsync(), Does.Contain("store_unavailable"));
    }

    [Test]
    public async Task MetricsCountWhatHappened()
    {
        await OkAsync("""{"user": "ann", "candidates": [1, 2, 3]}""");
        await OkAsync("""{"user": "bob", "candidates": [1]}""");
        await RefusedAsync("""{"user": "nobody", "candidates": [1]}""", 404, "unknown_user", "nobody");
        await RefusedAsync("{", 400, "malformed", "");
        string[] lines = (await _client.GetStringAsync(Relative("/metrics"))).Split('\n');
        foreach (string expected in (string[])[
            "# TYPE lsk_requests_total counter", "lsk_requests_total{code=\"200\"} 2", "lsk_requests_total{code=\"404\"} 1", "lsk_requests_total{code=\"400\"} 1",
            "# TYPE lsk_batch_candidates histogram", "lsk_batch_candidates_bucket{le=\"10\"} 2", "lsk_batch_candidates_bucket{le=\"+Inf\"} 2", "lsk_batch_candidates_sum 4", "lsk_batch_candidates_count 2",
            "lsk_request_duration_seconds_count 4", "lsk_store_failures_total{reason=\"UnknownUser\"} 1", "lsk_store_read_duration_seconds_count 3", "# TYPE lsk_requests_waiting gauge", "lsk_requests_waiting 0"])
        {
            Assert.That(lines, Does.Contain(expected));
        }
        Assert.That(lines.Where(line => line.Length > 0 && line[0] != '#'), Has.All.Match("^[a-z_]+({[a-z]+=\"[^\"]+\"})? [0-9.E+-]+$"));
    }

    [Test]
    public async Task OtherPathsAndMethodsAreRefused()
    {
        using HttpResponseMessage path = await _client.GetAsync(Relative("/v2/score"));
        Assert.That((int)path.StatusCode, Is.EqualTo(404));
        using HttpResponseMessage method = await _client.GetAsync(Relative(Path));
        Assert.That((int)method.StatusCode, Is.EqualTo(405));
    }

    [Test]
    public async Task GarbageOnTheWireDoesNotHurt()
    {
        foreach (string garbage in (string[])["\0\0\0\0", "GET", "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"user\""])
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(_server.Address);
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(garbage));
        }
        await OkAsync("""{"user": "ann", "candidates": [1]}""");
    }

    [Test]
    public void OptionsOutOfRangeAreNamed()
    {
        void Refused(ScoringServerOptions options, string message) =>
            Assert.That(async () => await ScoringServer.StartAsync(_store, [_scorer], options), Throws.InstanceOf<ArgumentException>().With.Message.Contains(message));
        Refused(Options with { MaxWaiting = 0 }, "MaxWaiting is 0; it must be 1 or more");
        Refused(Options with { Items = 0 }, "Items is 0");
        Refused(Options with { Timeout = TimeSpan.Zero }, "Timeout is 0");
        Refused(Options with { Version = "" }, "Version is 0 bytes long");
        Assert.That(async () => await ScoringServer.StartAsync(_store, [], Options), Throws.InstanceOf<ArgumentException>().With.Message.Contains("scorers is empty"));
        Assert.That(async () => await ScoringServer.StartAsync(_store, [_scorer], Options with { Listen = _server.Address }), Throws.InstanceOf<IOException>());
    }

    private static ScoringServerOptions Options => new() { Version = Records.Version, Items = 1000, Listen = new IPEndPoint(IPAddress.Loopback, 0), Timeout = TimeSpan.FromSeconds(10) };

    private async Task StartAsync(ScoringServerOptions options)
    {
        _scorer = new TestScorer();
        _server = await ScoringServer.StartAsync(_store, [_scorer], options);
        _client = new HttpClient { BaseAddress = new Uri($"http://{_server.Address}") };
    }

    private async Task RestartAsync(ScoringServerOptions options)
    {
        _client.Dispose();
        await _server.DisposeAsync();
        await StartAsync(options);
    }

    private async Task<HttpResponseMessage> PostAsync(string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        return await _client.PostAsync(Relative(Path), content);
    }

    private async Task<JsonElement> OkAsync(string body)
    {
        using HttpResponseMessage response = await PostAsync(body);
        string text = await response.Content.ReadAsStringAsync();
        Assert.That((int)response.StatusCode, Is.EqualTo(200), text);
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    private async Task RefusedAsync(string body, int status, string error, string message)
    {
        using HttpResponseMessage response = await PostAsync(body);
        JsonElement answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.That((int)response.StatusCode, Is.EqualTo(status), answer.ToString());
        Assert.That(answer.GetProperty("error").GetString(), Is.EqualTo(error));
        Assert.That(answer.GetProperty("message").GetString(), Does.Contain(message));
    }

    private double Metric(string name)
    {
        string text = _client.GetStringAsync(Relative("/metrics")).GetAwaiter().GetResult();
        return double.Parse(text.Split('\n').First(line => line.StartsWith(name + " ", StringComparison.Ordinal))[(name.Length + 1)..]);
    }

    private static Uri Relative(string path) => new(path, UriKind.Relative);

    private static async Task WaitAsync(Func<bool> condition)
    {
        for (int i = 0; i < 3_000 && !condition(); i++)
        {
            await Task.Delay(10);
        }
        Assert.That(condition());
    }
}
