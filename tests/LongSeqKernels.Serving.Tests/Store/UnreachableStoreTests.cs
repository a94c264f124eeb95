using Microsoft.Data.Sqlite;
using Npgsql;

namespace LongSeqKernels.Serving.Tests;

[TestFixture]
public sealed class UnreachableStoreTests
{
    [Test]
    public async Task AFileWithoutADirectoryIsNamed() => await Refused("sqlite:/nowhere/at/all/store.db", StoreFault.Unreachable, "the SQLite file /nowhere/at/all/store.db cannot be opened");

    [Test]
    public void ReadersDoNotMakeAnEmptyStore()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        Assert.That(
            async () => await SummaryStore.OpenAsync(path, new SummaryStoreOptions { Missing = MissingStore.Refuse }),
            Throws.InstanceOf<SummaryStoreException>().With.Message.EqualTo($"the SQLite file {path} does not exist.").And.Property("Fault").EqualTo(StoreFault.Unreachable));
        Assert.That(path, Does.Not.Exist);
    }

    [Test]
    public async Task AFileThatIsNoDatabaseIsNamed()
    {
        string path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, new string('x', 5000));
            await Refused(path, StoreFault.ForeignFormat, $"{path} is not an SQLite file");
            Assert.That(await File.ReadAllTextAsync(path), Is.EqualTo(new string('x', 5000)));
        }
        finally
        {
            SqliteConnection.ClearAllPools();
            File.Delete(path);
        }
    }

    [Test]
    public async Task AServerThatDoesNotAnswerIsNamedWithoutItsPassword()
    {
        var exception = await Refused("postgres://ann:secret@127.0.0.1:1/base", StoreFault.Unreachable, "PostgreSQL at 127.0.0.1:1, database base does not answer");
        Assert.That(exception.ToString(), Does.Not.Contain("secret"));
    }

    [Test]
    public async Task AServerThatRefusesTheDatabaseIsNamed()
    {
        PostgresServer.Require();
        string location = new NpgsqlConnectionStringBuilder(PostgresServer.ConnectionString) { Database = "no_such_database" }.ConnectionString;
        await Refused(location, StoreFault.Unreachable, "refuses this login");
    }

    [TestCase("", "location is empty")]
    [TestCase("sqlite:", "location is an empty path")]
    [TestCase("sqlite::memory:", "location is :memory:; it must be the path of an SQLite file")]
    [TestCase("redis://localhost", "of the kind \"redis\"")]
    [TestCase("postgres://", "no valid PostgreSQL address")]
    [TestCase("postgres://host/base?Nonsense=1", "no valid PostgreSQL address")]
    [TestCase("postgres://host/base?Timeout", "the option Timeout has no value")]
    public void MalformedLocationsAreExplained(string location, string message) =>
        Assert.That(async () => await SummaryStore.OpenAsync(location), Throws.InstanceOf<ArgumentException>().With.Message.Contains(message));

    [Test]
    public void PostgresAddressesAreReadAsLibpqReadsThem()
    {
        Assert.That(PostgresLocation.TryParse("postgresql://us%40er:p%3Aw@db.example:6543/base?Timeout=5", out string text));
        var parsed = new NpgsqlConnectionStringBuilder(text);
        Assert.That((parsed.Username, parsed.Password, parsed.Host, parsed.Port, parsed.Database, parsed.Timeout), Is.EqualTo(("us@er", "p:w", "db.example", 6543, "base", 5)));
        Assert.That(PostgresLocation.TryParse("Host=h;Database=d", out _));
        Assert.That(PostgresLocation.TryParse("sqlite:store.db", out _), Is.False);
    }

    [Test]
    public async Task AFullDatabaseKeepsWhatItHas()
    {
        await using TestDatabase database = TestDatabase.Create(DatabaseKind.Sqlite);
        await using ISummaryStore store = await database.OpenAsync();
        await store.PutAsync([Records.Full("ann")]);
        // The limit is a property of a connection, and the pool gives out the one that had it.
        await using (var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = database.File, DefaultTimeout = 30 }.ConnectionString))
        {
            await connection.OpenAsync();
            await using SqliteCommand limit = connection.CreateCommand();
            limit.CommandText = "PRAGMA max_page_count = 60";
            await limit.ExecuteNonQueryAsync();
        }
        SummaryRecord[] many = [.. Enumerable.Range(0, 20).Select(i => Records.Full($"user{i}", i))];
        Assert.That(
            async () => await store.PutAsync(many),
            Throws.TypeOf<SummaryStoreException>().With.Property(nameof(SummaryStoreException.Fault)).EqualTo(StoreFault.Full).And.Message.Contains("cannot grow"));
        Records.AssertSame(await store.GetAsync("ann", Records.Version), Records.Full("ann"));
        Assert.That(await store.ListVersionsAsync(), Is.EqualTo([new SummaryVersion(Records.Version, 1)]), "a batch is written whole or not at all");
    }

    [Test]
    public async Task AFileThatAnotherWriterHoldsIsNamed()
    {
        await using TestDatabase database = TestDatabase.Create(DatabaseKind.Sqlite);
        await using ISummaryStore store = await SummaryStore.OpenAsync(database.Location, new SummaryStoreOptions { Timeout = TimeSpan.FromSeconds(1) });
        await using var connection = new SqliteConnection($"Data Source={database.File}");
        await connection.OpenAsync();
        await using (await connection.BeginTransactionAsync())
        {
            Assert.That(
                async () => await store.PutAsync([Records.Of("ann")]),
                Throws.TypeOf<SummaryStoreException>().With.Property(nameof(SummaryStoreException.Fault)).EqualTo(StoreFault.Unreachable).And.Message.Contains("stayed locked by another writer"));
            Assert.That((await store.GetBatchAsync(["ann"], Records.Version))[0].Failure!.Fault, Is.EqualTo(StoreFault.UnknownUser), "readers do not wait for writers");
        }
        Assert.That(await store.PutAsync([Records.Of("ann")]), Is.EqualTo(1));
    }

    [Test]
    public void OptionsOutOfRangeAreNamed() =>
        Assert.That(
            async () => await SummaryStore.OpenAsync("store.db", new SummaryStoreOptions { Timeout = TimeSpan.FromMilliseconds(10) }),
            Throws.InstanceOf<ArgumentException>().With.Message.Contains("Timeout is 0.01 s; it must be from 1 second to 1 hour"));

    private static async Task<SummaryStoreException> Refused(string location, StoreFault fault, string message)
    {
        SummaryStoreException? thrown = null;
        try
        {
            await (await SummaryStore.OpenAsync(location)).DisposeAsync();
        }
        catch (SummaryStoreException exception)
        {
            thrown = exception;
        }
        Assert.That(thrown, Is.Not.Null);
        Assert.That(thrown!.Fault, Is.EqualTo(fault), thrown.Message);
        Assert.That(thrown.Message, Does.Contain(message));
        return thrown;
    }
}
