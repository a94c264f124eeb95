using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary>Our side of the line protocol of <c>bench/peers/protocol.py</c>.</summary>
internal sealed class PeerWorker : IDisposable
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private LongSeqContext? _context;
    private Measurement? _measurement;
    private BenchRun? _run;

    /// <summary>Serves lines until "quit" or the end of the input. Every line is answered with one line.</summary>
    public static void Serve(TextReader input, TextWriter output)
    {
        using var worker = new PeerWorker();
        while (input.ReadLine() is { } line && line.Trim() != "quit")
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
            {
                continue;
            }
            try
            {
                output.WriteLine(worker.Answer(words));
            }
            catch (Exception error)
            {
                output.WriteLine("err " + error.Message.ReplaceLineEndings(" "));
            }
            output.Flush();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _context?.Dispose();

    private string Answer(string[] words) => words[0] switch
    {
        "setup" => Setup(words.Skip(1).Select(word => word.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[^1])),
        "roofline" => JsonSerializer.Serialize(Roofline.Measure(int.Parse(words[1])), Json),
        "work" => JsonSerializer.Serialize(new { Ready(_measurement).Work.Flops, Ready(_measurement).Work.Bytes, shape = Ready(_measurement).Operation.Describe(Ready(_measurement).Sizes) }, Json),
        "go" => Time(Ready(_run), int.Parse(words[1])),
        "check" => Digest(Ready(_run)),
        _ => throw new ArgumentException($"\"{words[0]}\" is not a command; it must be setup, work, go, check, roofline or quit."),
    };

    private static T Ready<T>(T? made)
        where T : class =>
        made ?? throw new InvalidOperationException("There is no case yet: setup comes first.");

    private string Setup(Dictionary<string, string> words)
    {
        string Word(string key) => words.TryGetValue(key, out string? value) ? value : throw new ArgumentException($"{key}=<value> is missing.");
        int Number(string key, int fallback) => words.TryGetValue(key, out string? value) ? int.Parse(value) : fallback;
        (_run, _measurement) = (null, null);
        _context?.Dispose();
        _context = LongSeqContext.Create(
            words.TryGetValue("backend", out string? backend) ? Enum.Parse<Backend>(backend, ignoreCase: true) : Backend.Managed,
            new LongSeqContextOptions { Threads = Number("threads", 0) });
        var sizes = new BenchShape(Number("length", 1), Number("targets", 1), Number("heads", 1), Number("width", 64));
        sizes = sizes with
        {
            Seeds = Number("seeds", sizes.Seeds),
            Encoding = words.TryGetValue("encoding", out string? encoding) ? Enum.Parse<SummaryEncoding>(encoding, ignoreCase: true) : sizes.Encoding,
        };
        ElementType type = Word("dtype") switch
        {
            "fp32" => ElementType.Float32,
            "bf16" => ElementType.BFloat16,
            "fp16" => ElementType.Float16,
            string other => throw new ArgumentException($"dtype is \"{other}\"; it must be fp32, bf16 or fp16."),
        };
        var measurement = new Measurement(Word("op"), sizes, Enum.Parse<Direction>(Word("direction"), ignoreCase: true), type);
        if (!measurement.Operation.Directions.Contains(measurement.Direction) || (type != ElementType.Float32 && measurement.Operation.IsFloat32Only))
        {
            throw new ArgumentException($"{measurement.Operation.Name} has no {measurement.Direction.ToString().ToLowerInvariant()} in {Word("dtype")}.");
        }
        BenchRun run = measurement.Operation.Make(_context, sizes, measurement.Direction, type);
        WarmUp(run);
        (_run, _measurement) = (run, measurement);
        return "ok";
    }

    /// <summary>Long enough for tiered compilation to settle: it compiles in a pause, and what it compiled runs again.</summary>
    private static void WarmUp(BenchRun ready)
    {
        foreach (double seconds in (double[])[0.3, 0.15])
        {
            long start = Stopwatch.GetTimestamp();
            for (int runs = 0; runs < 2 || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; runs++)
            {
                ready.Run();
            }
            Thread.Sleep(150);
        }
    }

    private static string Time(BenchRun ready, int count)
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

    private static string Digest(BenchRun ready)
    {
        ready.Run();
        double[] result = [.. ready.Result()];
        int n = result.Length;
        double[] numbers = [result.Sum(x => x * x), result[0], result[n / 4], result[n / 2], result[n * 3 / 4]];
        return string.Join(' ', numbers.Select(x => x.ToString("G9", CultureInfo.InvariantCulture)));
    }
}
