using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class RandomStreamTests
{
    [Test]
    public void TheSequenceIsFixedForAllTime()
    {
        var random = new RandomStream(1, 2);
        Assert.That(new[] { random.NextBits(), random.NextBits(), random.NextBits() }, Is.EqualTo(new[] { 64494459270285013UL, 12809286657738089163UL, 7016113182525150579UL }));
    }

    [Test]
    public void StreamsOfOneSeedDiffer() =>
        Assert.That(Enumerable.Range(0, 1000).Select(stream => new RandomStream(5, stream).NextBits()).Distinct().Count(), Is.EqualTo(1000));

    [Test]
    public void IndicesAreUniform()
    {
        var random = new RandomStream(3);
        var counts = new int[10];
        for (int i = 0; i < 100_000; i++)
        {
            counts[random.NextIndex(10)]++;
        }
        // Six standard deviations.
        Assert.That(counts, Has.All.InRange(10_000 - 570, 10_000 + 570));
    }

    [TestCase(0.3, 0.3)]
    [TestCase(2.0, 5.0)]
    [TestCase(1.0, 1.0)]
    [TestCase(0.05, 0.05)]
    public void BetaHasItsMeanAndVariance(double alpha, double beta)
    {
        var random = new RandomStream(4);
        double[] values = [.. Enumerable.Range(0, 100_000).Select(_ => random.NextBeta(alpha, beta))];
        double mean = alpha / (alpha + beta);
        double variance = mean * (1 - mean) / (alpha + beta + 1);
        Assert.That(values, Has.All.InRange(0.0, 1.0));
        Assert.That(values.Average(), Is.EqualTo(mean).Within(6 * Math.Sqrt(variance / values.Length)));
        Assert.That(values.Average(x => (x - mean) * (x - mean)), Is.EqualTo(variance).Within(0.03 * variance));
    }

    [Test]
    public void ShuffleReachesEveryOrder()
    {
        var random = new RandomStream(6);
        var seen = new HashSet<string>();
        for (int i = 0; i < 500; i++)
        {
            char[] letters = ['a', 'b', 'c', 'd'];
            random.Shuffle<char>(letters);
            seen.Add(new string(letters));
        }
        Assert.That(seen, Has.Count.EqualTo(24));
    }

    [Test]
    public void SuffixLengthsAreMultiplesOfEightAndUShaped()
    {
        var lengths = new SuffixLengths(64, 2000);
        var random = new RandomStream(7);
        int[] drawn = [.. Enumerable.Range(0, 10_000).Select(_ => lengths.Sample(random))];
        Assert.That(drawn, Has.All.InRange(64, 2000));
        Assert.That(drawn, Has.All.Matches<int>(length => length % 8 == 0));
        Assert.That(drawn.Count(length => length is < 200 or > 1864), Is.GreaterThan(drawn.Count(length => length is > 700 and < 1300)));
    }

    [TestCase(7, 80, 0.3)]
    [TestCase(12, 80, 0.3)]
    [TestCase(16, 8, 0.3)]
    [TestCase(16, 80, 0)]
    [TestCase(16, 80, double.NaN)]
    public void SuffixLengthsOutOfRangeAreRefused(int minimum, int maximum, double shape) =>
        Assert.That(() => new SuffixLengths(minimum, maximum, shape).Validate(), Throws.InstanceOf<ArgumentException>());
}
