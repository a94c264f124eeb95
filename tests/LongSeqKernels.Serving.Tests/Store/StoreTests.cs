namespace LongSeqKernels.Serving.Tests;

/// <summary>The contract of a store, over every kind of database.</summary>
[TestFixture(DatabaseKind.Sqlite)]
[TestFixture(DatabaseKind.Postgres)]
public sealed class StoreTests(DatabaseKind kind)
{
    private TestDatabase _database = null!;
    private ISummaryStore _store = null!;
    private ManualClock _clock = null!;

    [SetUp]
    public async Task SetUp()
    {
        _database = TestDatabase.Create(kind);
        _clock = new ManualClock(5_000);
        _store = await _database.OpenAsync(_clock);
    }

    [TearDown]
    public async Task TearDown()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }

    [Test]
    public async Task RecordsComeBackToTheBit([Values] SummaryEncoding encoding)
    {
        SummaryRecord record = Records.Of("Käthe O'Neil %_\\ 漢", 7, 16, 31, encoding, stateBytes: 999);
        Assert.That(await _store.PutAsync([record]), Is.EqualTo(1));
        Records.AssertSame(await _store.GetAsync(record.User, Records.Version, RecordParts.SummaryAndState), record);
        SummaryRecord withoutState = await _store.GetAsync(record.User, Records.Version);
        Assert.That(withoutState.State.IsEmpty);
        Assert.That(withoutState.Summary.Codes.ToArray(), Is.EqualTo(record.Summary.Codes.ToArray()));
    }

    [Test]
    public async Task BatchesComeBackInTheOrderAsked()
    {
        SummaryRecord[] records = [.. Enumerable.Range(0, 100).Select(i => Records.Of($"user{i}", i))];
        Assert.That(await _store.PutAsync(records), Is.EqualTo(100));
        string[] users = ["user7", "nobody", .. records.Reverse().Select(record => record.User), "user7"];
        SummaryLookup[] found = await _store.GetBatchAsync(users, Records.Version);
        Assert.That(found, Has.Length.EqualTo(users.Length));
        for (int i = 0; i < users.Length; i++)
        {
            if (users[i] == "nobody")
            {
                Assert.That(found[i].Failure!.Fault, Is.EqualTo(StoreFault.UnknownUser));
                Assert.That(found[i].Record, Is.Null);
                continue;
            }
            Records.AssertSame(found[i].Require(), records.Single(record => record.User == users[i]));
        }
        Assert.That(await _store.GetBatchAsync([], Records.Version), Is.Empty);
    }

    [Test]
    public async Task ARecordIsReplacedByOneThatHasSeenAsMuchOrMoreOnly()
    {
        await _store.PutAsync([Records.Of("ann", 1, historyTime: 100)]);
        await _store.PutAsync([Records.Of("ann", 2, historyTime: 100)]);
        Assert.That((await _store.GetAsync("ann", Records.Version)).HistoryLength, Is.EqualTo(10_002));
        Assert.That(await _store.PutAsync([Records.Of("ann", 3, historyTime: 200), Records.Of("bob", 1)]), Is.EqualTo(2));
        Assert.That(await _store.PutAsync([Records.Of("ann", 4, historyTime: 199), Records.Of("eve", 1)]), Is.EqualTo(1));
        Records.AssertSame(await _store.GetAsync("ann", Records.Version), Records.Of("ann", 3, historyTime: 200));
    }

    [Test]
    public async Task VersionsLieSideBySide()
    {
        await _store.PutAsync([Records.Of("ann", 1, version: "v1"), Records.Of("ann", 2, version: "v2"), Records.Of("bob", 3, version: "v1")]);
        Records.AssertSame(await _store.GetAsync("ann", "v1"), Records.Of("ann", 1, version: "v1"));
        Records.AssertSame(await _store.GetAsync("ann", "v2"), Records.Of("ann", 2, version: "v2"));
        Assert.That(await _store.ListVersionsAsync(), Is.EqualTo([new SummaryVersion("v1", 2), new SummaryVersion("v2", 1)]));
        Assert.That(await _store.DeleteVersionAsync("v1"), Is.EqualTo(2));
        Assert.That(await _store.ListVersionsAsync(), Is.EqualTo([new SummaryVersion("v2", 1)]));
        await Fails("ann", "v1", StoreFault.ForeignVersion, "User 'ann' has no summary of version 'v1', only of 'v2'");
        await Fails("bob", "v1", StoreFault.UnknownUser, "There is no summary of user 'bob'");
    }

    [Test]
    public async Task LargeVersionsAreDeletedWhole()
    {
        SummaryRecord[] records = [.. Enumerable.Range(0, 2_500).Select(i => Records.Of($"user{i}", i))];
        await _store.PutAsync(records);
        Assert.That(await _store.DeleteVersionAsync(Records.Version), Is.EqualTo(2_500));
        Assert.That(await _store.ListVersionsAsync(), Is.Empty);
    }

    [Test]
    public async Task AUserIsForgottenInEveryVersion()
    {
        await _store.PutAsync([Records.Of("ann", 1, version: "v1"), Records.Of("ann", 2, version: "v2"), Records.Of("bob", 3, version: "v1")]);
        Assert.That(await _store.DeleteUserAsync("ann"), Is.EqualTo(2));
        await Fails("ann", "v1", StoreFault.UnknownUser, "ann");
        Assert.That((await _store.GetBatchAsync(["bob"], "v1"))[0].Record, Is.Not.Null);
    }

    [Test]
    public async Task ExpiredRecordsAreNotGivenOutAndThenPurged()
    {
        await _store.PutAsync([Records.Of("ann", 1, expiry: 5_010), Records.Of("bob", 2, expiry: 5_011), Records.Of("eve", 3)]);
        _clock.UnixSeconds = 5_009;
        Assert.That((await _store.GetBatchAsync(["ann", "bob", "eve"], Records.Version)).Select(lookup => lookup.Failure?.Fault), Has.All.Null);
        Assert.That(await _store.PurgeExpiredAsync(), Is.Zero);
        _clock.UnixSeconds = 5_010;
        await Fails("ann", Records.Version, StoreFault.Expired, "The summary of user 'ann', version 'vista-1' expired at 1970-01-01T01:23:30Z");
        Assert.That((await _store.GetBatchAsync(["bob", "eve"], Records.Version)).Select(lookup => lookup.Failure?.Fault), Has.All.Null);
        Assert.That(await _store.PurgeExpiredAsync(), Is.EqualTo(1));
        await Fails("ann", Records.Version, StoreFault.UnknownUser, "ann");
        Assert.That(await _store.ListVersionsAsync(), Is.EqualTo([new SummaryVersion(Records.Version, 2)]));
    }

    [Test]
    public async Task FlippedBitsAreTold([Values("record", "state")] string column)
    {
        SummaryRecord record = Records.Of("ann", stateBytes: 50);
        await _store.PutAsync([record, Records.Of("bob")]);
        byte[] bytes = column == "record" ? SummaryRecordFormat.Write(record) : record.State.ToArray();
        bytes[^20] ^= 0x10;
        Assert.That(_database.Execute($"UPDATE lsk_summary SET {column} = @bytes WHERE user_id = 'ann'", ("@bytes", bytes)), Is.EqualTo(1));
        SummaryLookup[] found = await _store.GetBatchAsync(["ann", "bob"], Records.Version, RecordParts.SummaryAndState);
        Assert.That(found[0].Failure!.Fault, Is.EqualTo(StoreFault.Damaged));
        Assert.That(found[0].Failure!.Message, Does.StartWith("User 'ann', version 'vista-1': The record is damaged"));
        Assert.That(found[1].Record, Is.Not.Null);
        await _store.PutAsync([record]);
        Records.AssertSame(await _store.GetAsync("ann", Records.Version, RecordParts.SummaryAndState), record);
    }

    [Test]
    public async Task ARecordUnderAnotherUsersKeyIsTold()
    {
        await _store.PutAsync([Records.Of("ann"), Records.Of("bob", 2)]);
        _database.Execute("UPDATE lsk_summary SET record = (SELECT record FROM lsk_summary WHERE user_id = 'bob') WHERE user_id = 'ann'");
        await Fails("ann", Records.Version, StoreFault.Damaged, "it is that of user 'bob'");
    }

    [Test]
    public async Task BadRecordsAreRefusedBeforeAnythingIsWritten()
    {
        Assert.That(async () => await _store.PutAsync([Records.Of("ann"), Records.Of("a\0b")]), Throws.InstanceOf<ArgumentException>().With.Message.Contains("User is a name with NUL"));
        Assert.That(async () => await _store.PutAsync([Records.Of("ann"), Records.Of("bob"), Records.Of("ann", 2)]), Throws.InstanceOf<ArgumentException>().With.Message.Contains("two records of user 'ann'"));
        Assert.That(async () => await _store.GetBatchAsync(["a\0b"], Records.Version), Throws.InstanceOf<ArgumentException>().With.Message.Contains("NUL"));
        Assert.That(await _store.ListVersionsAsync(), Is.Empty);
    }

    [Test]
    public async Task StoresThatAreOpenedAtOnceShareTheirTables()
    {
        await using TestDatabase fresh = TestDatabase.Create(kind);
        ISummaryStore[] stores = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await fresh.OpenAsync())));
        await Task.WhenAll(stores.Select((store, i) => Task.Run(async () => await store.PutAsync([Records.Of($"user{i}", i)]))));
        Assert.That(await stores[0].ListVersionsAsync(), Is.EqualTo([new SummaryVersion(Records.Version, 8)]));
        foreach (ISummaryStore store in stores)
        {
            await store.DisposeAsync();
        }
    }

    [Test]
    public async Task WritersAndReadersAtOnceSeeWholeRecordsOnly()
    {
        string[] users = [.. Enumerable.Range(0, 5).Select(i => $"user{i}")];
        await _store.PutAsync([.. users.Select(user => Records.Full(user, 0))]);
        using var done = new CancellationTokenSource();
        Task[] readers =
        [
            .. Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
            {
                while (!done.IsCancellationRequested)
                {
                    foreach (SummaryLookup found in await _store.GetBatchAsync(users, Records.Version))
                    {
                        SummaryRecord record = found.Require();
                        Records.AssertSame(record, Records.Full(record.User, (int)record.HistoryLength - 10_000));
                    }
                }
            })),
        ];
        // Two writers of the same users, in opposite orders.
        await Task.WhenAll(Enumerable.Range(0, 2).Select(writer => Task.Run(async () =>
        {
            for (int round = 1; round <= 30; round++)
            {
                IEnumerable<SummaryRecord> records = users.Select(user => Records.Full(user, (writer * 100) + round));
                Assert.That(await _store.PutAsync([.. writer == 0 ? records : records.Reverse()]), Is.EqualTo(users.Length));
            }
        })));
        await done.CancelAsync();
        await Task.WhenAll(readers);
    }

    [Test]
    public async Task TablesOfAnotherFormatAreRefused()
    {
        _database.Execute("UPDATE lsk_format SET format = 2");
        Assert.That(
            async () => await _database.OpenAsync(),
            Throws.TypeOf<SummaryStoreException>().With.Property(nameof(SummaryStoreException.Fault)).EqualTo(StoreFault.ForeignFormat).And.Message.Contains("has tables of format 2; this release knows format 1"));
        await _store.PingAsync();
    }

    private async Task Fails(string user, string version, StoreFault fault, string message)
    {
        SummaryStoreException failure = (await _store.GetBatchAsync([user], version))[0].Failure!;
        Assert.That(failure.Fault, Is.EqualTo(fault), failure.Message);
        Assert.That(failure.Message, Does.Contain(message));
    }
}
