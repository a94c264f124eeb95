using LongSeqKernels.Models;
using Spectre.Console;

namespace LongSeqKernels.Cli;

/// <summary>An interaction log in a few numbers.</summary>
internal static class LogSummary
{
    public static void Show(Terminal terminal, InteractionLog log)
    {
        long[] lengths = new long[log.Users.Count];
        for (int user = 0; user < lengths.Length; user++)
        {
            lengths[user] = log.Users.Length(user);
        }
        Array.Sort(lengths);
        Table table = Tables.Create(">users", ">items", ">events", ">history: median", ">90 %", ">longest", ">users from 1,000 events", ">10,000");
        table.Row(
            Format.Count(log.Users.Count),
            Format.Count(log.ItemCount),
            Format.Count(log.EventCount),
            Format.Count(Quantile(lengths, 0.5)),
            Format.Count(Quantile(lengths, 0.9)),
            Format.Count(lengths.Length == 0 ? 0 : lengths[^1]),
            Format.Count(lengths.Count(length => length >= 1000)),
            Format.Count(lengths.Count(length => length >= 10_000)));
        terminal.Write(table);
    }

    private static long Quantile(long[] sorted, double share) => sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(share * sorted.Length))];
}
