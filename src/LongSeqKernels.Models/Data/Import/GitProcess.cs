using System.ComponentModel;
using System.Diagnostics;
using System.Text;

namespace LongSeqKernels.Models;

/// <summary>A running <c>git log</c>.</summary>
internal sealed class GitProcess : IDisposable
{
    private const int MaxErrorLength = 2000;
    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private readonly string _repository;

    private GitProcess(string repository, Process process)
    {
        _repository = repository;
        _process = process;
        // Read all the time, or git would wait for room in a full pipe.
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                if (line.Data is not null && _errors.Length < MaxErrorLength)
                {
                    _errors.Append(line.Data).Append(' ');
                }
            }
        };
        process.BeginErrorReadLine();
    }

    /// <summary>What git prints.</summary>
    public Stream Output => _process.StandardOutput.BaseStream;

    /// <summary>Starts <c>git log</c> in a repository.</summary>
    /// <exception cref="IOException">git cannot be started.</exception>
    public static GitProcess Log(string repository)
    {
        if (!Directory.Exists(repository))
        {
            throw new DirectoryNotFoundException($"The repository {repository} does not exist.");
        }
        var start = new ProcessStartInfo("git") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (string argument in (string[])["--no-pager", "-c", "log.showSignature=false", "-C", repository, .. GitLogOptions.LogArguments.Split(' '), "HEAD", "--"])
        {
            start.ArgumentList.Add(argument);
        }
        try
        {
            return new GitProcess(repository, Process.Start(start)!);
        }
        catch (Win32Exception exception)
        {
            throw new IOException($"git could not be started: {exception.Message}; it must be installed and on the PATH.", exception);
        }
    }

    /// <summary>Waits for git to end.</summary>
    /// <exception cref="IOException">git reported an error.</exception>
    public void Finish()
    {
        _process.WaitForExit();
        if (_process.ExitCode != 0)
        {
            throw new IOException($"git log in {_repository} failed (exit code {_process.ExitCode}): {_errors.ToString().Trim()}");
        }
    }

    /// <summary>Ends git at once.</summary>
    public void Kill()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }
}
