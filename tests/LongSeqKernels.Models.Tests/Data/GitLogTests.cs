using System.Diagnostics;
using System.Text;
using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class GitLogTests
{
    private const string Log = """
        commit	aaa	1000000000	1000000060	Ann@Example.org	Ann Tab	ular

        A	src/core/a.c
        A	README
        commit	bbb	1000000100	1000000100	bob@example.org	Bob

        M	src/core/a.c
        A	src/core/b.c
        commit	ccc	1000000200	1000000200	49699333+dependabot[bot]@users.noreply.github.com	dependabot[bot]

        M	README
        commit	ddd	5	1000000300	ann@example.org	Ann

        D	src/core/b.c
        T	README
        """;

    private static ImportResult Import(string text, GitLogOptions? format = null, ImportOptions? options = null) =>
        GitLogImporter.ImportLogs([LogSource.Stream("repo.log", new MemoryStream(Encoding.UTF8.GetBytes(text)))], format, options);

    [Test]
    public void CommitsBecomeBasketsOfEvents()
    {
        var (log, report) = Import(Log);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(log.ItemNames, Is.EqualTo(new[] { "src/core/a.c", "README", "src/core/b.c" }));
            // Ann's e-mail in lower case is one user: the pseudonym is the start of `printf ann@example.org | sha256sum`.
            Assert.That(log.UserNames, Is.EqualTo(new[] { "438c4c7afe600cdf", "686b5e4cf4f963ad" }));
            Assert.That(log.Users.Offsets.ToArray(), Is.EqualTo(new long[] { 0, 4, 6 }));
            Assert.That(log.Items.ToArray(), Is.EqualTo(new[] { 0, 1, 2, 1, 0, 2 }));
            // The last commit's author time is more than three years before its committer's, so the committer's counts.
            Assert.That(log.Times.ToArray(), Is.EqualTo(new long[] { 1000000000, 1000000000, 1000000300, 1000000300, 1000000100, 1000000100 }));
            Assert.That(log.Baskets.ToArray(), Is.EqualTo(new long[] { 0, 0, 2, 2, 1, 1 }));
            // A, M, D in the order of appearance; a change of type is a modification.
            Assert.That(log.Actions.ToArray(), Is.EqualTo(new[] { 0, 0, 2, 1, 1, 0 }));
            Assert.That(log.ItemCategories.ToArray(), Is.EqualTo(new[] { 0, 1, 0 }));
            Assert.That((report.Rows, report.Kept, report.Bad, report.Filtered), Is.EqualTo((7, 6, 0, 1)));
            Assert.That(report.Notes, Has.One.EqualTo("1 commits of bots were left out."));
        }
    }

    [Test]
    public void NamesAndPackages()
    {
        var (log, report) = Import(Log, new GitLogOptions { User = GitUser.Name, PathDepth = 2 });
        // A name with a tab is no name: that commit and its two lines are bad. Bob touches two files of one package: one event.
        Assert.That(log.UserNames, Is.EqualTo(new[] { "Bob", "Ann" }));
        Assert.That(log.ItemNames, Is.EqualTo(new[] { "src/core", "README" }));
        Assert.That(log.Users.Offsets.ToArray(), Is.EqualTo(new long[] { 0, 1, 3 }));
        Assert.That((report.Rows, report.Kept, report.Bad, report.Filtered), Is.EqualTo((8, 3, 3, 2)));
    }

    [Test]
    public void SeveralRepositoriesArePools()
    {
        LogSource Source(string name) => LogSource.Stream(name, new MemoryStream(Encoding.UTF8.GetBytes(Log)));
        var (log, _) = GitLogImporter.ImportLogs([Source("one"), Source("two")]);
        Assert.That(log.PoolCount, Is.EqualTo(2));
        Assert.That(log.ItemNames, Does.Contain("one:README").And.Contain("two:README"));
        Assert.That(log.Users.Count, Is.EqualTo(2), "users are the same in both");
        Assert.That(GitLogImporter.ImportLogs([Source("same"), Source("same")]).Log.PoolCount, Is.EqualTo(2));
    }

    [Test]
    public void BadLinesAreReported()
    {
        var (log, report) = Import("M\tbefore\ncommit\tx\ty\nA\tlost\ncommit\tok\t5\t6\te@f\tname\nA\tkept\nR100\told\tnew\nnonsense\nM\t\ncommit\tno\t-1\t6\te@f\tname\n");
        Assert.That(log.ItemNames, Is.EqualTo(new[] { "kept" }));
        Assert.That(report.Issues.Select(issue => issue.Line), Is.EqualTo(new[] { 1, 2, 3, 6, 7, 8, 9 }));
        Assert.That(report.Issues[0].Reason, Does.Contain("no commit line"));
        Assert.That(report.Issues[1].Reason, Does.Contain("too few fields"));
        Assert.That(report.Issues[2].Reason, Does.Contain("its commit, on line 2, is bad"));
        Assert.That(report.Issues[3].Reason, Does.Contain("--no-renames"));
        Assert.That(() => Import("commit\tx\n", null, new ImportOptions { Strict = true }), Throws.InstanceOf<InvalidDataException>().With.Message.StartsWith("repo.log:1:"));
    }

    [Test]
    public void DamagedLogsGiveALogOrTheDocumentedError()
    {
        byte[] valid = Encoding.UTF8.GetBytes(Log);
        int kept = 0;
        foreach (byte[] damaged in Fuzz.Truncations(valid).Concat(Fuzz.BitFlips(valid)).Concat(Fuzz.Mutations(valid, 5, 2000)))
        {
            try
            {
                var (log, report) = GitLogImporter.ImportLogs([LogSource.Stream("repo.log", new MemoryStream(damaged))], new GitLogOptions { User = GitUser.Name, PathDepth = damaged.Length % 3 });
                Assert.That(report.Kept + report.Bad + report.Filtered, Is.EqualTo(report.Rows));
                Assert.That(log.EventCount, Is.EqualTo(report.Kept));
                kept++;
            }
            catch (InvalidDataException)
            {
                // Nothing usable was left.
            }
        }
        Assert.That(kept, Is.GreaterThan(2000));
    }

    [Test]
    public void ARepositoryIsReadThroughGit()
    {
        using var folder = new TemporaryFolder();
        string repository = folder["repository"];
        Directory.CreateDirectory(repository);
        Git(repository, "init", "-q");
        Directory.CreateDirectory(Path.Combine(repository, "dir"));
        File.WriteAllText(Path.Combine(repository, "dir", "fäile"), "1");
        Git(repository, "add", ".");
        Git(repository, "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "-q", "-m", "first", "--date=2020-01-01T00:00:00Z");
        File.WriteAllText(Path.Combine(repository, "dir", "fäile"), "2");
        File.WriteAllText(Path.Combine(repository, "other"), "2");
        Git(repository, "add", ".");
        Git(repository, "-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "-q", "-m", "second");

        var (log, report) = GitLogImporter.ImportRepositories([repository]);
        Assert.That(log.ItemNames, Is.EqualTo(new[] { "dir/fäile", "other" }));
        Assert.That((log.Users.Count, report.Kept, report.Bad), Is.EqualTo((1, 3, 0)));
        Assert.That(log.Source, Is.EqualTo("git log: repository"));
        Assert.That(log.Actions.Length, Is.EqualTo(3));
        Assert.That(() => GitLogImporter.ImportRepositories([folder["none"]]), Throws.InstanceOf<DirectoryNotFoundException>());
        Assert.That(() => GitLogImporter.ImportRepositories([repository], cancellation: new CancellationToken(true)), Throws.InstanceOf<OperationCanceledException>());
        string empty = folder["empty"];
        Directory.CreateDirectory(empty);
        Git(empty, "init", "-q");
        Assert.That(() => GitLogImporter.ImportRepositories([empty]), Throws.InstanceOf<IOException>().With.Message.Contains("failed (exit code"));
    }

    private static void Git(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("git", ["-C", folder, .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        try
        {
            using var process = Process.Start(start)!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, $"git {string.Join(' ', arguments)}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Ignore("This machine has no git.");
        }
    }
}
