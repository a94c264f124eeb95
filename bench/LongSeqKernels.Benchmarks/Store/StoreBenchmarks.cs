using BenchmarkDotNet.Attributes;
using LongSeqKernels.Models;
using LongSeqKernels.Serving;

namespace LongSeqKernels.Benchmarks;

/// <summary>
/// The summary store with int8 records of 128 rows of 256 (33 KB): one caller, records of 10,000 users. PostgreSQL where LONGSEQ_POSTGRES names a database; the version's
/// records are removed from it at the end.
/// </summary>
public class StoreBenchmarks
{
    private const string Version = "store-benchmarks";
    private const int Users = 10_000;
    private const int Batch = 100;

    private readonly Random _random = new(1);
    private string? _folder;
    private ISummaryStore _store = null!;
    private SummaryRecord[] _records = null!;

    /// <summary>Where the records are.</summary>
    [ParamsSource(nameof(Databases))]
    public string Database { get; set; } = "SQLite";

    /// <summary>SQLite, and PostgreSQL where there is one.</summary>
    public static IEnumerable<string> Databases => Postgres is null ? ["SQLite"] : ["SQLite", "PostgreSQL"];

    private static string? Postgres => Environment.GetEnvironmentVariable("LONGSEQ_POSTGRES") is { Length: > 0 } location ? location : null;

    /// <summary>Fills the store.</summary>
    [GlobalSetup]
    public void Setup() => SetupAsync().GetAwaiter().GetResult();

    /// <summary>Empties it.</summary>
    [GlobalCleanup]
    public void Cleanup() => CleanupAsync().GetAwaiter().GetResult();

    /// <summary>One user's summary.</summary>
    [Benchmark]
    public async Task<SummaryRecord> Get() => await _store.GetAsync(User(_random.Next(Users)), Version);

    /// <summary>Those of 100 users.</summary>
    [Benchmark]
    public async Task<SummaryLookup[]> Get100() => await _store.GetBatchAsync([.. Enumerable.Range(0, Batch).Select(_ => User(_random.Next(Users)))], Version);

    /// <summary>Replaces those of 100 users, durably.</summary>
    [Benchmark]
    public async Task<int> Put100() => await _store.PutAsync(_records);

    private async Task SetupAsync()
    {
        _folder = Directory.CreateTempSubdirectory("longseq-bench-").FullName;
        _store = await SummaryStore.OpenAsync(Database == "SQLite" ? Path.Combine(_folder, "store.db") : Postgres!);
        _records = [.. Enumerable.Range(0, Batch).Select(user => Record(user))];
        for (int first = 0; first < Users; first += Batch)
        {
            await _store.PutAsync([.. Enumerable.Range(first, Batch).Select(Record)]);
        }
    }

    private async Task CleanupAsync()
    {
        await _store.DeleteVersionAsync(Version);
        await _store.DisposeAsync();
        Directory.Delete(_folder!, recursive: true);
    }

    private static string User(int number) => $"user{number}";

    private static SummaryRecord Record(int user)
    {
        var codes = new byte[128 * 256];
        new Random(user).NextBytes(codes);
        return new SummaryRecord
        {
            User = User(user),
            Version = Version,
            HistoryTime = 0,
            HistoryLength = 10_000,
            WrittenTime = 0,
            Summary = new UserSummary(128, 256, SummaryEncoding.Int8, codes, new float[128]),
        };
    }
}
