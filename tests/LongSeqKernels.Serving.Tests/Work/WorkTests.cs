using LongSeqKernels.Models;
using LongSeqKernels.Serving.Tests.Victim;

namespace LongSeqKernels.Serving.Tests;

/// <summary>The contract of the work table and of the workers, over every kind of database.</summary>
[TestFixture(DatabaseKind.Sqlite)]
[TestFixture(DatabaseKind.Postgres)]
public sealed class WorkTests(DatabaseKind kind)
{
    private const string Run = "run-1";
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(150);

    private TestDatabase _database = null!;
    private ISummaryStore _store = null!;

    [SetUp]
    public async Task SetUp()
    {
        _database = TestDatabase.Create(kind);
        _store = await _database.OpenAsync();
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
    public async Task EveryBatchIsClaimedOnceAndProgressAddsUp()
    {
        await StartAsync(new UserBatch(0, 2, 10), new UserBatch(2, 1, 30), new UserBatch(3, 4, 60));
        WorkClaim[] claims = [(await ClaimAsync(Long))!, (await ClaimAsync(Long))!, (await ClaimAsync(Long))!];
        Assert.That(claims.Select(claim => claim.Batch), Is.EquivalentTo([new UserBatch(0, 2, 10), new UserBatch(2, 1, 30), new UserBatch(3, 4, 60)]));
        Assert.That(await ClaimAsync(Long), Is.Null);
        Assert.That(await _store.Work.CompleteAsync(claims[2], [Records.Of("ann")]));
        WorkProgress progress = await _store.Work.ProgressAsync(Run);
        Assert.That((progress.Batches, progress.Done, progress.Claimed, progress.Failed), Is.EqualTo((3, 1, 2, 0)));
        Assert.That((progress.Users, progress.UsersDone, progress.Events, progress.EventsDone), Is.EqualTo((7, 4, 100, 60)));
        Assert.That(progress.EventsPerSecond, Is.GreaterThan(0));
        Assert.That(progress.Remaining, Is.GreaterThan(TimeSpan.Zero));
        Assert.That(progress.IsFinished, Is.False);
        Records.AssertSame(await _store.GetAsync("ann", Records.Version), Records.Of("ann"));
    }

    [Test]
    public async Task TwoWorkersNeverHoldOneBatch()
    {
        await StartAsync([.. Enumerable.Range(0, 60).Select(i => new UserBatch(i, 1, 1))]);
        WorkClaim?[][] claims = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            var own = new List<WorkClaim?>();
            while (await ClaimAsync(Long) is { } claim)
            {
                own.Add(claim);
            }
            return own.ToArray();
        })));
        Assert.That(claims.SelectMany(own => own).Select(claim => claim!.Job), Is.Unique.And.Exactly(60).Items);
    }

    [Test]
    public async Task AnExpiredLeaseIsTakenOverAndItsHolderWritesNothingMore()
    {
        await StartAsync(new UserBatch(0, 1, 1));
        WorkClaim late = (await ClaimAsync(Short))!;
        await Task.Delay(2 * Short);
        WorkClaim next = (await ClaimAsync(Long))!;
        Assert.That(next.Batch, Is.EqualTo(late.Batch));
        Assert.That(await _store.Work.RenewAsync(late, Long), Is.False);
        Assert.That(await _store.Work.CompleteAsync(late, [Records.Of("ann", 1)]), Is.False);
        await _store.Work.ReleaseAsync(late);
        await _store.Work.FailAsync(late, "too late");
        Assert.That(await ClaimAsync(Long), Is.Null, "the second claim stands");
        Assert.That((await _store.GetBatchAsync(["ann"], Records.Version))[0].Record, Is.Null);
        Assert.That(await _store.Work.CompleteAsync(next, [Records.Of("ann", 2)]));
        Assert.That(await _store.Work.CompleteAsync(next, [Records.Of("ann", 3)]), Is.False, "a batch is done once");
        Records.AssertSame(await _store.GetAsync("ann", Records.Version), Records.Of("ann", 2));
    }

    [Test]
    public async Task ARenewedLeaseHolds()
    {
        await StartAsync(new UserBatch(0, 1, 1));
        WorkClaim claim = (await ClaimAsync(Short))!;
        Assert.That(await _store.Work.RenewAsync(claim, Long));
        await Task.Delay(2 * Short);
        Assert.That(await ClaimAsync(Long), Is.Null);
        await _store.Work.ReleaseAsync(claim);
        Assert.That(await ClaimAsync(Long), Is.Not.Null, "what is given back can be claimed at once");
    }

    [Test]
    public async Task BatchesThatFailAreTriedAgainAndThenLeft()
    {
        await StartAsync(new UserBatch(0, 1, 1), new UserBatch(1, 1, 1));
        WorkClaim good = (await ClaimAsync(Long))!;
        await _store.Work.CompleteAsync(good, []);
        for (int i = 1; i <= WorkClaim.MaxFailures; i++)
        {
            WorkClaim claim = (await ClaimAsync(Long))!;
            await _store.Work.FailAsync(claim, $"failure {i}");
        }
        Assert.That(await ClaimAsync(Long), Is.Null);
        WorkProgress progress = await _store.Work.ProgressAsync(Run);
        Assert.That((progress.Done, progress.Failed, progress.IsFinished), Is.EqualTo((1, 1, true)));
        Assert.That(await _store.Work.ErrorsAsync(Run), Is.EqualTo(["failure 3"]));
        await StartAsync(new UserBatch(0, 1, 1));
        Assert.That(await ClaimAsync(Long), Is.Not.Null, "starting the run again tries them again");
    }

    [Test]
    public async Task ARunIsJoinedNotMadeTwice()
    {
        WorkProgress[] all = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () => await StartAsync([.. Enumerable.Range(0, 1_200).Select(i => new UserBatch(i, 1, 2))]))));
        Assert.That(all.Select(progress => progress.Batches), Has.All.EqualTo(1_200));
        Assert.That((await _store.Work.StartAsync("run-2", Records.Version, [])).IsFinished);
        await _store.Work.DeleteRunAsync(Run);
        Assert.That((await _store.Work.ProgressAsync(Run)).Batches, Is.Zero);
        Assert.That((await StartAsync(new UserBatch(0, 1, 1))).Batches, Is.EqualTo(1));
    }

    [Test]
    public async Task AFailedTransactionLeavesTheBatchOpen()
    {
        await StartAsync(new UserBatch(0, 1, 1));
        WorkClaim claim = (await ClaimAsync(Long))!;
        Assert.That(async () => await _store.Work.CompleteAsync(claim, [Records.Of("a\0b")]), Throws.InstanceOf<ArgumentException>());
        Assert.That((await _store.Work.ProgressAsync(Run)).Done, Is.Zero);
        Assert.That(await _store.Work.CompleteAsync(claim, [Records.Of("ann")]));
    }

    [Test]
    public async Task WorkersSummariseEveryUser()
    {
        InteractionLog log = Logs.Make(40);
        await StartAsync([.. UserBatches.Of(log.Users, maxUsers: 3)]);
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() => Worker(log, new MadeUpSummariser()).RunAsync())));
        Assert.That((await _store.Work.ProgressAsync(Run)).IsFinished);
        await Logs.AssertSummarisedAsync(_store, log, Records.Version);
    }

    [Test]
    public async Task AnErrorOfTheSummariserIsReportedAndTheOthersAreDone()
    {
        InteractionLog log = Logs.Make(5);
        await StartAsync([.. UserBatches.Of(log.Users, maxUsers: 1)]);
        await Worker(log, new FailingSummariser(log.Items.Span[(int)log.Users.Start(2)])).RunAsync();
        WorkProgress progress = await _store.Work.ProgressAsync(Run);
        Assert.That((progress.Failed, progress.Done), Is.EqualTo((1, 4)));
        Assert.That(await _store.Work.ErrorsAsync(Run), Is.EqualTo(["ArgumentException: no such item"]));
    }

    [Test]
    public async Task AnInterruptedWorkerGivesItsBatchBack()
    {
        InteractionLog log = Logs.Make(5);
        await StartAsync(new UserBatch(0, 5, log.EventCount));
        using var interruption = new CancellationTokenSource();
        Task work = Worker(log, new HeldSummariser(interruption.Token)).RunAsync(interruption.Token);
        while ((await _store.Work.ProgressAsync(Run)).Claimed == 0)
        {
            await Task.Delay(10);
        }
        await interruption.CancelAsync();
        await Assert.ThatAsync(() => work, Throws.InstanceOf<OperationCanceledException>());
        WorkProgress progress = await _store.Work.ProgressAsync(Run);
        Assert.That((progress.Claimed, progress.Done), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task AWorkerWithALongBatchKeepsItsShortLease()
    {
        InteractionLog log = Logs.Make(6);
        await StartAsync(new UserBatch(0, 6, log.EventCount));
        TimeSpan lease = TimeSpan.FromSeconds(3);
        var slow = new MadeUpSummariser(lease / 5);
        var other = new MadeUpSummariser();
        Task work = Worker(log, slow, lease).RunAsync();
        while ((await _store.Work.ProgressAsync(Run)).Claimed == 0)
        {
            await Task.Delay(10);
        }
        await Task.WhenAll(work, Worker(log, other).RunAsync());
        Assert.That((slow.EventsRead, other.EventsRead), Is.EqualTo((log.EventCount, 0)));
    }

    [Test]
    public async Task AppendedEventsAloneAreReadAndUnchangedUsersAreLeft()
    {
        InteractionLog before = Logs.Make(6);
        InteractionLog after = Logs.Extend(before, user: 2, events: 5);
        await StartAsync([.. UserBatches.Of(before.Users)]);
        await Worker(before, new MadeUpSummariser()).RunAsync();
        await _store.Work.StartAsync("run-2", Records.Version, UserBatches.Of(after.Users));
        var appending = new MadeUpSummariser();
        await new SummaryWorker(_store, after, appending, Options with { Run = "run-2", Mode = SummaryMode.Append }).RunAsync();
        Assert.That(appending.EventsRead, Is.EqualTo(5));
        await Logs.AssertSummarisedAsync(_store, after, Records.Version);
    }

    [Test]
    public async Task AStateOfAnotherHistoryIsNotGoneOnWith()
    {
        InteractionLog before = Logs.Make(3, seed: 1);
        await StartAsync([.. UserBatches.Of(before.Users)]);
        await Worker(before, new MadeUpSummariser()).RunAsync();
        InteractionLog other = Logs.Extend(Logs.Make(3, seed: 2, firstTime: 2_005), user: 1, events: 3);
        await _store.Work.StartAsync("run-2", Records.Version, UserBatches.Of(other.Users));
        await new SummaryWorker(_store, other, new MadeUpSummariser(), Options with { Run = "run-2", Mode = SummaryMode.Append }).RunAsync();
        await Logs.AssertSummarisedAsync(_store, other, Records.Version);
    }

    [TestCase(0.0, null, true)]
    [TestCase(0.5, null, false)]
    [TestCase(0.5, 10.0, true)]
    [TestCase(0.5, 1000.0, false)]
    public async Task SummariesThatCannotBeGoneOnWithAreRefreshedByShareAndAge(double share, double? ageSeconds, bool refreshed)
    {
        InteractionLog before = Logs.Make(3);
        InteractionLog after = Logs.Extend(before, user: 1, events: 1);
        string user = before.UserNames[1];
        Assert.That(before.Users.Length(1), Is.GreaterThan(1), "one event more is less than half");
        await StartAsync([.. UserBatches.Of(before.Users)]);
        var clock = new ManualClock(1_000_000);
        await new SummaryWorker(_store, before, new StatelessSummariser(), Options with { Clock = clock }).RunAsync();
        clock.UnixSeconds += 100;
        await _store.Work.StartAsync("run-2", Records.Version, UserBatches.Of(after.Users));
        SummaryWorkerOptions options = Options with
        {
            Run = "run-2",
            Mode = SummaryMode.Append,
            Clock = clock,
            RefreshShare = share,
            RefreshAge = ageSeconds is { } age ? TimeSpan.FromSeconds(age) : null,
        };
        await new SummaryWorker(_store, after, new StatelessSummariser(), options).RunAsync();
        Assert.That((await _store.GetAsync(user, Records.Version)).HistoryLength, Is.EqualTo(refreshed ? after.Users.Length(1) : before.Users.Length(1)));
    }

    [Test]
    public async Task AWorkerWithAnotherLogSaysSo()
    {
        await StartAsync(new UserBatch(7, 2, 10));
        await Worker(Logs.Make(3), new MadeUpSummariser()).RunAsync();
        Assert.That((await _store.Work.ErrorsAsync(Run))[0], Does.Contain("this worker reads another log"));
    }

    private static SummaryWorkerOptions Options => new() { Run = Run, Version = Records.Version, RequestTime = 0 };

    private SummaryWorker Worker(InteractionLog log, IUserSummariser summariser, TimeSpan? lease = null) =>
        new(_store, log, summariser, Options with { Lease = lease ?? TimeSpan.FromSeconds(30) });

    private ValueTask<WorkProgress> StartAsync(params UserBatch[] batches) => _store.Work.StartAsync(Run, Records.Version, batches);

    private ValueTask<WorkClaim?> ClaimAsync(TimeSpan lease) => _store.Work.ClaimAsync(Run, lease);

    private sealed class StatelessSummariser : IUserSummariser
    {
        private readonly MadeUpSummariser _other = new();

        public SummarisedUser Summarise(UserHistory history, EarlierState? earlier) => _other.Summarise(history, earlier) with { State = default };
    }

    /// <summary>Ends its first user when the worker has been interrupted, not before.</summary>
    private sealed class HeldSummariser(CancellationToken interruption) : IUserSummariser
    {
        private readonly MadeUpSummariser _other = new();

        public SummarisedUser Summarise(UserHistory history, EarlierState? earlier)
        {
            interruption.WaitHandle.WaitOne();
            return _other.Summarise(history, earlier);
        }
    }

    private sealed class FailingSummariser(int item) : IUserSummariser
    {
        private readonly MadeUpSummariser _other = new();

        public SummarisedUser Summarise(UserHistory history, EarlierState? earlier) =>
            history.Items.Span[0] == item ? throw new ArgumentException("no such item") : _other.Summarise(history, earlier);
    }
}
