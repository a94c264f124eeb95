using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

internal static class LogAssert
{
    /// <summary>Every column of the two logs is the same.</summary>
    public static void AreEqual(InteractionLog actual, InteractionLog expected)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(actual.Users.Offsets.SequenceEqual(expected.Users.Offsets), nameof(expected.Users));
            Assert.That(actual.Items.Span.SequenceEqual(expected.Items.Span), nameof(expected.Items));
            Assert.That(actual.Times.Span.SequenceEqual(expected.Times.Span), nameof(expected.Times));
            Assert.That(actual.Labels.Span.SequenceEqual(expected.Labels.Span), nameof(expected.Labels));
            Assert.That(actual.Actions.Span.SequenceEqual(expected.Actions.Span), nameof(expected.Actions));
            Assert.That(actual.Baskets.Span.SequenceEqual(expected.Baskets.Span), nameof(expected.Baskets));
            Assert.That(actual.ItemCategories.Span.SequenceEqual(expected.ItemCategories.Span), nameof(expected.ItemCategories));
            Assert.That(actual.ItemPools.Span.SequenceEqual(expected.ItemPools.Span), nameof(expected.ItemPools));
            Assert.That(
                (actual.ItemCount, actual.ActionCount, actual.CategoryCount, actual.PoolCount, actual.Source),
                Is.EqualTo((expected.ItemCount, expected.ActionCount, expected.CategoryCount, expected.PoolCount, expected.Source)));
            Assert.That(actual.UserNames.SequenceEqual(expected.UserNames), nameof(expected.UserNames));
            Assert.That(actual.ItemNames.SequenceEqual(expected.ItemNames), nameof(expected.ItemNames));
        }
    }
}
