namespace LongSeqKernels.Serving.Tests;

[TestFixture]
public sealed class UserBatchesTests
{
    [Test]
    public void BatchesHoldEveryUserWithEventsOnceAndKeepTheirLimits()
    {
        JaggedLayout users = JaggedLayout.FromLengths(5, 5, 0, 1, 1, 1, 1, 100, 2, 0, 0, 9);
        Assert.That(UserBatches.Of(users, maxUsers: 3, maxEvents: 10), Is.EqualTo([
            new UserBatch(0, 2, 10), new UserBatch(3, 3, 3), new UserBatch(6, 1, 1), new UserBatch(7, 1, 100), new UserBatch(8, 1, 2), new UserBatch(11, 1, 9),
        ]));
        Assert.That(UserBatches.Of(JaggedLayout.FromLengths(0, 0)), Is.Empty);
    }

    [Test]
    public void LimitsOutOfRangeAreNamed()
    {
        Assert.That(() => UserBatches.Of(JaggedLayout.FromLengths(1), maxUsers: 0), Throws.InstanceOf<ArgumentException>().With.Message.Contains("maxUsers is 0; it must be 1 or more"));
        Assert.That(() => UserBatches.Of(JaggedLayout.FromLengths(1), maxEvents: 0), Throws.InstanceOf<ArgumentException>().With.Message.Contains("maxEvents is 0"));
    }
}
