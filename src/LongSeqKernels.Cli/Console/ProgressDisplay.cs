using System.Diagnostics;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace LongSeqKernels.Cli;

/// <summary>Takes the progress of a piece of work.</summary>
internal interface IProgressSink
{
    /// <summary>Tells how far the work is.</summary>
    /// <param name="done">Steps done, those before a resumption included.</param>
    /// <param name="status">What to show beside it.</param>
    void Report(long done, string status = "");
}

/// <summary>Shows progress: a bar with rate and time left on a terminal, a plain line every few seconds elsewhere.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(5);

    /// <summary>Runs work under a progress display; a total of 0 means that nobody knows it.</summary>
    public static TResult Track<TResult>(this Terminal terminal, string what, long total, string unit, Func<IProgressSink, TResult> work, long start = 0)
    {
        var meter = new ProgressMeter(total, start, unit);
        if (!terminal.IsInteractive)
        {
            return work(new PlainLines(terminal, what, meter));
        }
        return terminal.Console.Progress()
            .AutoClear(false)
            .HideCompleted(false)
            .Columns(total > 0
                ? [new TaskDescriptionColumn(), new ProgressBarColumn { Width = 30 }, new PercentageColumn(), new MeterColumn(meter)]
                : [new SpinnerColumn(), new TaskDescriptionColumn(), new MeterColumn(meter)])
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(what), maxValue: Math.Max(1, total));
                task.Value = start;
                return work(new Bar(task, meter));
            });
    }

    private sealed class PlainLines(Terminal terminal, string what, ProgressMeter meter) : IProgressSink
    {
        private readonly Stopwatch _sinceLine = new();

        public void Report(long done, string status)
        {
            meter.Report(done, status);
            if (!_sinceLine.IsRunning || _sinceLine.Elapsed >= LineInterval || (meter.Total > 0 && done >= meter.Total))
            {
                terminal.Line(meter.Line(what));
                _sinceLine.Restart();
            }
        }
    }

    private sealed class Bar(ProgressTask task, ProgressMeter meter) : IProgressSink
    {
        public void Report(long done, string status)
        {
            meter.Report(done, status);
            task.Value = done;
        }
    }

    /// <summary>Rate, time left and status, as the plain lines have them.</summary>
    private sealed class MeterColumn(ProgressMeter meter) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(meter.Tail());
    }
}
