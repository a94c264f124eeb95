using LongSeqKernels.Models;

namespace LongSeqKernels.Serving.Tests.Victim;

/// <summary>
/// Summaries that depend on every event of a history and are the same wherever they are made: running sums of the events, which can be gone on with from a state.
/// </summary>
public sealed class MadeUpSummariser(TimeSpan delay = default) : IUserSummariser
{
    public const int Tokens = 8;
    public const int Width = 32;

    /// <summary>Events that were read, over all calls.</summary>
    public long EventsRead { get; private set; }

    public SummarisedUser Summarise(UserHistory history, EarlierState? earlier)
    {
        var sums = new uint[Tokens];
        long start = 0;
        if (earlier is { } known)
        {
            Buffer.BlockCopy(known.State.ToArray(), 0, sums, 0, Tokens * sizeof(uint));
            start = known.Events;
        }
        ReadOnlySpan<int> items = history.Items.Span;
        for (int i = (int)start; i < items.Length; i++)
        {
            ref uint sum = ref sums[i % Tokens];
            sum = (sum * 31) + (uint)items[i] + 1;
            EventsRead++;
        }
        if (delay > TimeSpan.Zero)
        {
            Thread.Sleep(delay);
        }
        var codes = new byte[Tokens * Width];
        var scales = new float[Tokens];
        for (int token = 0; token < Tokens; token++)
        {
            new Random((int)sums[token]).NextBytes(codes.AsSpan(token * Width, Width));
            scales[token] = 1 + token;
        }
        var state = new byte[Tokens * sizeof(uint)];
        Buffer.BlockCopy(sums, 0, state, 0, state.Length);
        return new SummarisedUser(new UserSummary(Tokens, Width, SummaryEncoding.Int8, codes, scales), state);
    }
}
