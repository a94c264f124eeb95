using System.IO.Compression;
using System.Text;
using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class ImportTests
{
    private static LogSource Text(string text, string name = "log.tsv") => LogSource.Stream(name, new MemoryStream(Encoding.UTF8.GetBytes(text)));

    private static ImportResult Tsv(string text, ImportOptions? options = null) => DelimitedImporter.Import([Text(text)], DelimitedFormat.Tsv, null, options);

    /// <summary>Every event as user, item, time, label, action, basket, category and pool number.</summary>
    private static string[] Events(InteractionLog log)
    {
        var events = new List<string>();
        for (int user = 0; user < log.Users.Count; user++)
        {
            for (int i = (int)log.Users.Start(user); i < (int)log.Users.Offsets[user + 1]; i++)
            {
                int item = log.Items.Span[i];
                var parts = new List<string> { log.UserNames[user], log.ItemNames[item], $"{log.Times.Span[i]}" };
                parts.AddRange(log.Labels.IsEmpty ? [] : [$"l{log.Labels.Span[i]}"]);
                parts.AddRange(log.Actions.IsEmpty ? [] : [$"a{log.Actions.Span[i]}"]);
                parts.AddRange(log.Baskets.IsEmpty ? [] : [$"b{log.Baskets.Span[i]}"]);
                parts.AddRange(log.ItemCategories.IsEmpty ? [] : [$"c{log.ItemCategories.Span[item]}"]);
                parts.AddRange(log.ItemPools.IsEmpty ? [] : [$"p{log.ItemPools.Span[item]}"]);
                events.Add(string.Join(' ', parts));
            }
        }
        return [.. events];
    }

    [Test]
    public void TsvWithEveryColumn()
    {
        var (log, report) = Tsv("""
            pool	time	user	item	label	action	basket	category
            P	20	ann	x	1	buy	o2	C
            P	10	ann	y	0.5	view	o1	D
            Q	15	bob	z	0	view		C
            P	10	ann	x	1	view	o1	C
            """);
        Assert.That(Events(log), Is.EqualTo(new[] { "ann y 10 l0.5 a1 b1 c1 p0", "ann x 10 l1 a1 b1 c0 p0", "ann x 20 l1 a0 b0 c0 p0", "bob z 15 l0 a1 b4 c0 p1" }));
        Assert.That((log.ActionCount, log.CategoryCount, log.PoolCount, log.ItemCount), Is.EqualTo((2, 2, 2, 3)));
        Assert.That((report.Rows, report.Kept, report.Bad, report.Filtered, report.Users, report.Items), Is.EqualTo((4, 4, 0, 0, 2, 3)));
        Assert.That(log.Source, Is.EqualTo("TSV: log.tsv"));
    }

    [Test]
    public void TsvWithTheLeast()
    {
        var (log, _) = Tsv("user\titem\ttime\r\nann\tx\t1\r\n\r\nann\tx\t2.75\r\n");
        Assert.That(Events(log), Is.EqualTo(new[] { "ann x 1", "ann x 2" }));
        Assert.That(log.Baskets.IsEmpty && log.Actions.IsEmpty && log.Labels.IsEmpty);
    }

    [Test]
    public void EqualTimesKeepTheOrderOfTheFileWithBasketsTogether()
    {
        var (log, _) = Tsv("user\titem\ttime\tbasket\nu\ta\t5\tk\nu\tb\t5\tm\nu\tc\t5\tk\nu\td\t4\tz\n");
        Assert.That(Events(log), Is.EqualTo(new[] { "u d 4 b2", "u a 5 b0", "u c 5 b0", "u b 5 b1" }));
    }

    [Test]
    public void ItemTablesDescribeItems()
    {
        var format = DelimitedFormat.Tsv with { CategoryColumn = "dir", PoolColumn = "repo" };
        var (log, report) = DelimitedImporter.Import(
            [Text("user\titem\ttime\nu\t7\t1\nu\t9\t2\nu\t8\t3\n")], format, [Text("item\trepo\tdir\text\n8\tR\tD\tcs\n7\tS\tD\tmd\n6\tR\tE\tmd\n")]);
        // Numbers are in the order of the table; 6 has no events; 9 is not in the table.
        Assert.That(Events(log), Is.EqualTo(new[] { "7 c0 p1", "9 c2 p2", "8 c0 p0" }.Select((text, i) => $"u {text[0]} {i + 1}{text[1..]}")));
        Assert.That(log.ItemNames, Is.EqualTo(new[] { "8", "7", "9" }));
        Assert.That(report.Notes, Has.Exactly(1).Contains("1 items have no known category").And.Exactly(1).Contains("1 items have no known pool"));
    }

    [Test]
    public void LabelsFromRatings()
    {
        var format = DelimitedFormat.Tsv with { LabelColumn = "rating_x2", LabelThreshold = 8 };
        var (log, _) = DelimitedImporter.Import([Text("user\titem\ttime\trating_x2\nu\ta\t1\t7\nu\tb\t2\t8\nu\tc\t3\t10\n")], format);
        Assert.That(log.Labels.ToArray(), Is.EqualTo(new float[] { 0, 1, 1 }));
    }

    [Test]
    public void MovieLensCsv()
    {
        var (log, report) = DelimitedImporter.Import(
            [Text("userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n1,1029,4.0,1260759144\n2,31,\"5.0\",835355493\n")],
            DelimitedFormat.MovieLensCsv,
            [Text("movieId,title,genres\n31,\"Dangerous \"\"Minds\"\", The (1995)\",Drama\n1029,Dumbo (1941),Animation|Children|Drama\n")]);
        Assert.That(Events(log), Is.EqualTo(new[] { "1 31 1260759144 l0 a0 b0 c0", "1 1029 1260759144 l1 a1 b0 c1", "2 31 835355493 l1 a2 b1 c0" }));
        Assert.That(report.Issues, Is.Empty);
    }

    [Test]
    public void MovieLensDat()
    {
        // Titles are Latin-1, which is not valid UTF-8; they are not read.
        byte[] movies = [.. "2::Misérables, Les (1995)::Drama\n1193::One: Flew (1975)::Drama|War\n".Select(character => (byte)character)];
        var (log, report) = DelimitedImporter.Import(
            [Text("1::1193::5::978300760\n1::2::3.5::978302109\n", "ratings.dat")], DelimitedFormat.MovieLensDat, [LogSource.Stream("movies.dat", new MemoryStream(movies))]);
        Assert.That(Events(log), Is.EqualTo(new[] { "1 1193 978300760 l1 a0 b0 c1", "1 2 978302109 l0 a1 b1 c0" }));
        Assert.That(report.Bad, Is.Zero);
    }

    [Test]
    public void KuaiRand()
    {
        const string Header = "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_follow,is_comment,is_forward,is_hate,long_view,play_time_ms,duration_ms,profile_stay_time,comment_stay_time,is_profile_enter,is_rand,tab\n";
        var (log, _) = DelimitedImporter.Import(
            [
                Text(Header + "0,3351326,20220422,700,1650585642001,1,0,0,0,0,0,1,100,200,0,0,0,0,1\n", "log_standard_4_22.csv"),
                Text(Header + "0,7,20220408,1200,1649390401999,1,0,0,0,0,0,0,0,200,0,0,0,0,1\n0,8,20220408,1200,1649390402000,0,0,0,0,0,0,0,0,200,0,0,0,0,1\n", "log_standard_4_08.csv"),
            ],
            DelimitedFormat.KuaiRand,
            [Text("video_id,author_id,tag\n7,1,\"1,4\"\n8,1,12\n3351326,2,12\n")]);
        Assert.That(Events(log), Is.EqualTo(new[] { "0 7 1649390401 l0 a1 c0", "0 8 1649390402 l0 a2 c1", "0 3351326 1650585642 l1 a0 c1" }));
    }

    [Test]
    public void GzipIsSeenFromItsBytes()
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write("user\titem\ttime\nann\tx\t1\n"u8);
        }
        byte[] bytes = compressed.ToArray();
        Assert.That(Events(DelimitedImporter.Import([LogSource.Stream("any", new MemoryStream(bytes))], DelimitedFormat.Tsv).Log), Is.EqualTo(new[] { "ann x 1" }));
        Assert.That(
            () => DelimitedImporter.Import([LogSource.Stream("cut", new MemoryStream(bytes[..^9]))], DelimitedFormat.Tsv), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("cut"));
    }

    [Test]
    public void BadRowsAreReportedWithTheirLineAndLeftOut()
    {
        var (log, report) = Tsv(string.Join('\n',
            "user\titem\ttime\tlabel", "u\ta\t1\t1", "u\tb\tyesterday\t1", "u\tc\t-5\t1", "u\td\t1e30\t1", "", "u\te\t1650585642001\t1", "u\tf\t1", "\tg\t1\t1", "u\th\t1\tNaN", "u\ti\t1\t3",
            "u\tj\u0001\t1\t1", "u\tk\t99999999999999999999\t1", "u\t" + new string('x', 5000) + "\t1\t1", "u\tl\t2\t0"));
        Assert.That(log.ItemNames, Is.EqualTo(new[] { "a", "l" }));
        Assert.That((report.Rows, report.Kept, report.Bad, report.Filtered), Is.EqualTo((13, 2, 11, 0)));
        Assert.That(report.Issues.Select(issue => issue.Line), Is.EqualTo(new[] { 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14 }));
        string[] reasons = ["'yesterday'", "-5", "1e30", "1650585642001", "3 fields", "user is empty", "label is 'NaN'", "label is 3", "control character", "99999999999999999999", "5000 characters"];
        Assert.That(report.Issues.Zip(reasons).Where(pair => !pair.First.Reason.Contains(pair.Second, StringComparison.Ordinal)), Is.Empty);
        Assert.That(report.Issues[0].ToString(), Does.StartWith("log.tsv:3: time is 'yesterday'"));
    }

    [Test]
    public void IssuesAreLimitedAndCounted()
    {
        var (_, report) = Tsv("user\titem\ttime\nu\ta\t1\n" + string.Concat(Enumerable.Repeat("u\tb\tx\n", 50)), new ImportOptions { MaxIssues = 3 });
        Assert.That((report.Issues.Count, report.Bad), Is.EqualTo((3, 50)));
    }

    [Test]
    public void StrictStopsAtTheFirstBadRow() =>
        Assert.That(
            () => Tsv("user\titem\ttime\nu\ta\t1\nu\tb\tx\n", new ImportOptions { Strict = true }),
            Throws.InstanceOf<InvalidDataException>().With.Message.StartsWith("log.tsv:3: time is 'x'"));

    [TestCase("", "is empty")]
    [TestCase("user\titem\n", "no column 'time'")]
    [TestCase("user\titem\ttime\tuser\nu\ta\t1\tv\n", "two columns 'user'")]
    [TestCase("user\titem\ttime\n", "no usable events")]
    [TestCase("user\titem\ttime\nu\ta\tb\n", "no usable events: 1 rows are bad, the first one at log.tsv:2")]
    public void UselessFilesAreRefused(string text, string because) => Assert.That(() => Tsv(text), Throws.InstanceOf<InvalidDataException>().With.Message.Contains(because));

    [Test]
    public void AColumnThatIsNamedMustBeThere()
    {
        Assert.That(
            () => DelimitedImporter.Import([Text("user\titem\ttime\nu\ta\t1\n")], DelimitedFormat.Tsv with { LabelColumn = "stars" }),
            Throws.InstanceOf<InvalidDataException>().With.Message.Contains("no column 'stars'; its header has 'user', 'item', 'time'"));
        var (_, report) = DelimitedImporter.Import([Text("user\titem\ttime\nu\ta\t1\n")], DelimitedFormat.Tsv with { CategoryColumn = "dir" });
        Assert.That(report.Notes, Has.One.Contains("'dir'"));
        Assert.That(
            () => DelimitedImporter.Import([Text("user\titem\ttime\nu\ta\t1\n")], DelimitedFormat.Tsv, [Text("item\tdir\na\tb\n", "items")]),
            Throws.InstanceOf<InvalidDataException>().With.Message.Contains("items says nothing"));
    }

    [Test]
    public void QuotesEndOnTheirLine()
    {
        var (log, report) = DelimitedImporter.Import([Text("user,item,time\nu,\"a,b\",1\nu,\"c\n\"\"\",1\nu,\"d\"e,2\nu,f\"g,3\n\"\",h,3\n")], DelimitedFormat.Csv);
        Assert.That(log.ItemNames, Is.EqualTo(new[] { "a,b", "f\"g" }));
        Assert.That(report.Bad, Is.EqualTo(4));
    }

    [Test]
    public void FiltersAreCounted()
    {
        string rows = "u\ta\t1\tk\nu\tb\t2\tm\nu\ta\t2\tm\nu\tc\t2\tm\nv\ta\t3\tn\nv\ta\t4\to\nw\tb\t5\tp\n";
        var (log, report) = Tsv("user\titem\ttime\tbasket\n" + rows, new ImportOptions { MaxBasketEvents = 2, MinItemEvents = 2, MinUserEvents = 2 });
        // The basket m goes, then b and c are rare, then u and w are.
        Assert.That(Events(log).Select(text => text[..5]), Is.EqualTo(new[] { "v a 3", "v a 4" }));
        Assert.That((report.Rows, report.Kept, report.Filtered, report.Bad), Is.EqualTo((7, 2, 5, 0)));
        Assert.That(report.Notes, Has.One.StartsWith("3 events in baskets").And.One.StartsWith("1 events of items").And.One.StartsWith("1 events of users"));
        Assert.That(() => Tsv("user\titem\ttime\n" + "u\ta\t1\n", new ImportOptions { MinUserEvents = 2 }), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("all 1 were filtered"));
    }

    [Test]
    public void LimitsHold()
    {
        Assert.That(() => Tsv("user\titem\ttime\nu\ta\t1\nu\ta\t2\n", new ImportOptions { MaxEvents = 1 }), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("more than 1 events"));
        string actions = string.Concat(Enumerable.Range(0, 2000).Select(i => $"u\ta\t{i}\taction{i}\n"));
        Assert.That(() => Tsv("user\titem\ttime\taction\n" + actions), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("kinds of action"));
        var (_, report) = Tsv("user\titem\ttime\nu\ta\t1\nu\t" + new string('y', 3_000_000) + "\nu\tb\t2\nu" + new string('\t', 10_000) + "\n");
        Assert.That(report.Issues.Select(issue => issue.Reason), Is.EqualTo(new[] { "the line has more than 1048576 characters", "the row has more than 4096 fields" }));
    }

    [Test]
    public void ImportsCanBeCancelled() =>
        Assert.That(
            () => DelimitedImporter.Import([Text("user\titem\ttime\nu\ta\t1\n")], DelimitedFormat.Tsv, cancellation: new CancellationToken(true)), Throws.InstanceOf<OperationCanceledException>());

    [Test]
    public void InvalidUtf8AndByteOrderMarks()
    {
        byte[] bytes = [0xEF, 0xBB, 0xBF, .. "user\titem\ttime\nu\ta"u8, 0xFF, .. "\t1\nu\tb\t2\n"u8];
        var (log, report) = DelimitedImporter.Import([LogSource.Stream("s", new MemoryStream(bytes))], DelimitedFormat.Tsv);
        Assert.That(log.ItemNames, Is.EqualTo(new[] { "b" }));
        Assert.That(report.Issues[0].Reason, Does.Contain("not valid UTF-8"));
        var utf16 = DelimitedImporter.Import([LogSource.Stream("s", new MemoryStream([0xFF, 0xFE, .. Encoding.Unicode.GetBytes("user\titem\ttime\nü\ta\t1\n")]))], DelimitedFormat.Tsv);
        Assert.That(utf16.Log.UserNames, Is.EqualTo(new[] { "ü" }));
    }

    [Test]
    public void DamagedFilesGiveALogOrTheDocumentedError()
    {
        var files = new (DelimitedFormat Format, string Events, string Items)[]
        {
            (DelimitedFormat.Tsv, "user\titem\ttime\tlabel\taction\tbasket\tcategory\tpool\nann\tx\t1\t1\tbuy\tk\tC\tP\nbob\ty\t2\t0\tview\tl\tD\tQ\nann\ty\t3\t0.5\tview\tk\t\t\n", ""),
            (DelimitedFormat.MovieLensCsv, "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n1,\"1029\",4.0,1260759145\n2,31,5.0,835355493\n", "movieId,title,genres\n31,\"A, \"\"B\"\"\",Drama\n1029,C,D|E\n"),
            (DelimitedFormat.MovieLensDat, "1::1193::5::978300760\n1::2::3.5::978302109\n2::2::4::978302110\n", "1193::A::Drama\n2::B: C::War\n"),
            (DelimitedFormat.KuaiRand, "user_id,video_id,time_ms,is_click,long_view\n0,1,1650585642001,1,1\n0,2,1650585642002,1,0\n1,1,1650585642003,0,0\n", "video_id,tag\n1,\"1,2\"\n2,3\n"),
        };
        int kept = 0;
        int refused = 0;
        foreach (var (format, events, items) in files)
        {
            byte[] valid = Encoding.UTF8.GetBytes(events);
            byte[] table = Encoding.UTF8.GetBytes(items);
            var damaged = Fuzz.Truncations(valid).Concat(Fuzz.BitFlips(valid)).Concat(Fuzz.Mutations(valid, 2, 1500)).Select(bytes => (bytes, table))
                .Concat(table.Length == 0 ? [] : Fuzz.Truncations(table).Concat(Fuzz.Mutations(table, 3, 500)).Select(bytes => (valid, bytes)));
            foreach (var (eventBytes, tableBytes) in damaged)
            {
                try
                {
                    LogSource[] tables = table.Length == 0 ? [] : [LogSource.Stream("items", new MemoryStream(tableBytes))];
                    var (log, report) = DelimitedImporter.Import([LogSource.Stream("events", new MemoryStream(eventBytes))], format, tables);
                    Assert.That(report.Kept + report.Bad + report.Filtered, Is.EqualTo(report.Rows));
                    Assert.That(log.EventCount, Is.EqualTo(report.Kept));
                    kept++;
                }
                catch (InvalidDataException)
                {
                    refused++;
                }
            }
        }
        Assert.That(kept, Is.GreaterThan(1000));
        Assert.That(refused, Is.GreaterThan(100));
    }

    [Test]
    public void DamagedGzipGivesALogOrTheDocumentedError()
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(Encoding.UTF8.GetBytes("user\titem\ttime\n" + string.Concat(Enumerable.Range(0, 30).Select(i => $"u{i % 3}\ti{i}\t{i}\n"))));
        }
        byte[] valid = compressed.ToArray();
        int refused = 0;
        foreach (byte[] damaged in Fuzz.Truncations(valid).Concat(Fuzz.BitFlips(valid)).Concat(Fuzz.Mutations(valid, 4, 500)))
        {
            try
            {
                DelimitedImporter.Import([LogSource.Stream("events", new MemoryStream(damaged))], DelimitedFormat.Tsv);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.That(refused, Is.GreaterThan(valid.Length / 2));
    }
}
