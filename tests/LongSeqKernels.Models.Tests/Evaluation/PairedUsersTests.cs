using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class PairedUsersTests
{
    [Test]
    public void DifferencesAreThoseOfTheSameUsers()
    {
        Estimate difference = PairedUsers.Difference([0.9, 0.5, 0.7], [0.8, 0.3, 0.7]);
        Assert.That(difference.Mean, Is.EqualTo(0.1).Within(1e-12));
        Assert.That(difference.Error, Is.EqualTo(Math.Sqrt(2.0 / 3) * 0.1 / Math.Sqrt(3)).Within(1e-12));
    }

    [Test]
    public void WhoeverKeepsTheSameShareOfEveryUsersGainHasNoError()
    {
        double[] bases = [0.5, 0.6, 0.7, 0.4];
        double[] full = [0.7, 0.7, 0.9, 0.5];
        double[] kept = [.. bases.Zip(full, (low, high) => low + (0.8 * (high - low)))];
        Estimate share = PairedUsers.ShareOfGain(kept, bases, full);
        Assert.That(share.Mean, Is.EqualTo(0.8).Within(1e-12));
        Assert.That(share.Error, Is.EqualTo(0).Within(1e-12));
    }

    [Test]
    public void TheErrorOfAShareIsTheJackknifes()
    {
        // Leaving out the first user leaves 0.3 of 0.5, the second 0.3 of 0.7, the third 0.2 of 0.8.
        Estimate share = PairedUsers.ShareOfGain([0.1, 0.1, 0.2], [0, 0, 0], [0.5, 0.3, 0.2]);
        double[] without = [0.3 / 0.5, 0.3 / 0.7, 0.2 / 0.8];
        double mean = without.Average();
        Assert.That(share.Mean, Is.EqualTo(0.4).Within(1e-12));
        Assert.That(share.Error, Is.EqualTo(Math.Sqrt(2.0 / 3 * without.Sum(value => (value - mean) * (value - mean)))).Within(1e-12));
    }

    [Test]
    public void OtherUsersAreRefused() =>
        Assert.That(() => PairedUsers.ShareOfGain([0.1, 0.2], [0, 0, 0], [1, 1]), Throws.InstanceOf<ArgumentException>().With.Message.Contains("2, 3 and 2 users"));
}
