using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace LongSeqKernels.Benchmarks;

/// <summary>The managed backend behind the line protocol of <c>bench/peers/protocol.py</c>.</summary>
internal static class PeerWorker
{
    /// <summary>Serves lines until "quit" or the end of the input. Every line is answered with one line.</summary>
    public static void Serve(TextReader input, TextWriter output)
    {
        BenchmarkCase? current = null;
        while (input.ReadLine() is { } line)
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
            {
                continue;
            }
            if (words[0] == "quit")
            {
                break;
            }
            try
            {
                if (words[0] == "setup")
                {
                    current?.Dispose();
                    current = BenchmarkCase.Parse(words.Skip(1).Select(word => word.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]));
                    WarmUp(current);
                    output.WriteLine("ok");
                }
                else
                {
                    BenchmarkCase ready = current ?? throw new InvalidOperationException("setup comes first");
                    output.WriteLine(words[0] == "go" ? Time(ready, int.Parse(words[1])) : Digest(ready));
                }
            }
            catch (Exception error)
            {
                output.WriteLine("err " + error.Message.ReplaceLineEndings(" "));
            }
            output.Flush();
        }
        current?.Dispose();
    }

    /// <summary>Long enough for tiered compilation to settle.</summary>
    private static void WarmUp(BenchmarkCase ready)
    {
        long start = Stopwatch.GetTimestamp();
        for (int runs = 0; runs < 3 || Stopwatch.GetElapsedTime(start).TotalSeconds < 0.4; runs++)
        {
            ready.Run();
        }
    }

    private static string Time(BenchmarkCase ready, int count)
    {
        var answer = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            double cpu = ProcessorClock.Seconds();
            long start = Stopwatch.GetTimestamp();
            ready.Run();
            double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
            answer.Append(CultureInfo.InvariantCulture, $"{wall:F9},{ProcessorClock.Seconds() - cpu:F9} ");
        }
        return answer.ToString();
    }

    private static string Digest(BenchmarkCase ready)
    {
        ready.Run();
        double[] result = [.. ready.Result()];
        int n = result.Length;
        double[] numbers = [result.Sum(x => x * x), result[0], result[n / 4], result[n / 2], result[n * 3 / 4]];
        return string.Join(' ', numbers.Select(x => x.ToString("G9", CultureInfo.InvariantCulture)));
    }
}
