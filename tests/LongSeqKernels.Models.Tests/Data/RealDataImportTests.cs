using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class RealDataImportTests
{
    [Test]
    public void GitlongHasTheCountsOfItsDescription()
    {
        var (log, report) = RealData.ImportGitlong();
        var lengths = Enumerable.Range(0, log.Users.Count).Select(log.Users.Length).ToList();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(log.EventCount, Is.EqualTo(1_261_455));
            Assert.That(log.Users.Count, Is.EqualTo(1_909));
            Assert.That(log.ItemCount, Is.EqualTo(84_364));
            Assert.That(log.PoolCount, Is.EqualTo(13));
            Assert.That(log.CategoryCount, Is.EqualTo(9_660));
            Assert.That(log.ActionCount, Is.EqualTo(3));
            Assert.That(report.Bad + report.Filtered, Is.Zero);
            Assert.That(lengths[0], Is.EqualTo(60_202));
            Assert.That(lengths.Count(length => length >= 2000), Is.EqualTo(106));
            Assert.That(log.Baskets.ToArray().Distinct().Count(), Is.EqualTo(566_545));
            // Names are the numbers of the source and come in their order, so both numberings are the same.
            Assert.That(log.UserNames.Select(int.Parse), Is.EqualTo(Enumerable.Range(0, 1_909)));
            Assert.That(log.ItemNames.Select(int.Parse), Is.EqualTo(Enumerable.Range(0, 84_364)));
        }
    }

    [Test]
    public void GitlongComesBackFromAFile()
    {
        var log = RealData.ImportGitlong().Log;
        using var folder = new TemporaryFolder();
        InteractionLogFile.Save(log, folder["gitlong.log"]);
        LogAssert.AreEqual(InteractionLogFile.Load(folder["gitlong.log"]), log);
    }

    [Test]
    public void MovieLensRatingsHaveTheCountsOfTheirDescription()
    {
        var format = DelimitedFormat.Tsv with { LabelColumn = "rating_x2", LabelThreshold = 8, ActionColumn = "rating_x2", Baskets = BasketRule.EqualTimes };
        var (log, report) = DelimitedImporter.Import([LogSource.File(RealData.Path("ml_latest_small_ratings.tsv.gz"))], format, null, new ImportOptions { Strict = true });
        using (Assert.EnterMultipleScope())
        {
            Assert.That(report.Kept, Is.EqualTo(100_836));
            Assert.That(log.Users.Count, Is.EqualTo(610));
            Assert.That(log.ItemCount, Is.EqualTo(9_724));
            Assert.That(log.ActionCount, Is.EqualTo(10));
            Assert.That(log.Users.MaxLength, Is.EqualTo(2_698));
        }
    }
}
