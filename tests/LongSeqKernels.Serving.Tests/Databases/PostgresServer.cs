using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace LongSeqKernels.Serving.Tests;

/// <summary>
/// The PostgreSQL server of this test run: the one that LONGSEQ_POSTGRES names, or a private cluster on a free port of loopback where PostgreSQL is installed.
/// A server does not run as root: then it runs as the user postgres.
/// </summary>
[SetUpFixture]
internal sealed class PostgresServer
{
    private const string Variable = "LONGSEQ_POSTGRES";

    /// <summary>Between the choice of a port and the start of the server another process may take it.</summary>
    private const int MostPorts = 5;

    private static readonly Lazy<string> Started = new(Start);
    private static Process? _server;
    private static string? _folder;

    /// <summary>Why there is no server to test with; null when there is one.</summary>
    public static string? WhyMissing { get; } =
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } ? null
        : Binaries is null ? $"{Variable} names no server and PostgreSQL (initdb, postgres) is not installed"
        : Environment.IsPrivilegedProcess && RunAs is null ? "PostgreSQL does not run as root, and there is no user postgres or no runuser"
        : null;

    /// <summary>A connection string to a database in which tests may make schemas.</summary>
    public static string ConnectionString => Started.Value;

    /// <summary>Ends a test that needs the server, by name, where there is none.</summary>
    public static void Require()
    {
        if (WhyMissing is not null)
        {
            Assert.Ignore($"{TestContext.CurrentContext.Test.FullName} was NOT RUN over PostgreSQL: {WhyMissing}.");
        }
    }

    [OneTimeTearDown]
    public void Stop()
    {
        NpgsqlConnection.ClearAllPools();
        if (_server is not null)
        {
            Run("pg_ctl", "stop", "-D", Path.Combine(_folder!, "data"), "-m", "immediate");
            _server.WaitForExit();
            _server.Dispose();
        }
        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private static string? Binaries => field ??= Candidates().FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")));

    private static string? RunAs => File.Exists("/usr/sbin/runuser") && File.Exists("/etc/passwd") && File.ReadLines("/etc/passwd").Any(line => line.StartsWith("postgres:", StringComparison.Ordinal))
        ? "/usr/sbin/runuser"
        : null;

    private static IEnumerable<string> Candidates()
    {
        foreach (string root in (string[])["/usr/lib/postgresql", "/usr/local/lib/postgresql"])
        {
            if (Directory.Exists(root))
            {
                foreach (string version in Directory.GetDirectories(root).OrderByDescending(path => path, StringComparer.Ordinal))
                {
                    yield return Path.Combine(version, "bin");
                }
            }
        }
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            yield return folder;
        }
    }

    private static string Start()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return PostgresLocation.TryParse(given, out string parsed) ? parsed : throw new InvalidOperationException($"{Variable} is no PostgreSQL address.");
        }
        _folder = Directory.CreateTempSubdirectory("longseq-postgres-").FullName;
        if (Environment.IsPrivilegedProcess)
        {
            using Process owner = Process.Start("chown", ["postgres", _folder]);
            owner.WaitForExit();
        }
        string data = Path.Combine(_folder, "data");
        Run("initdb", "-D", data, "-U", "longseq", "--auth=trust", "--encoding=UTF8", "--no-sync");
        for (int attempt = 1; ; attempt++)
        {
            int port = FreePort();
            _server = Launch("postgres", "-D", data, "-c", "listen_addresses=127.0.0.1", "-c", $"port={port}", "-c", $"unix_socket_directories={_folder}");
            _server.OutputDataReceived += (_, _) => { };
            _server.ErrorDataReceived += (_, _) => { };
            _server.BeginOutputReadLine();
            _server.BeginErrorReadLine();
            string connectionString = $"Host=127.0.0.1;Port={port};Username=longseq;Database=postgres";
            if (Answers(connectionString, data, isLast: attempt == MostPorts))
            {
                return connectionString;
            }
            _server.Dispose();
        }
    }

    /// <summary>Waits for the server's answer; false when it ended, or another server answers, and there is another port to try.</summary>
    private static bool Answers(string connectionString, string data, bool isLast)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var connection = new NpgsqlConnection(connectionString);
                connection.Open();
                using var folder = new NpgsqlCommand("SELECT current_setting('data_directory')", connection);
                if (data.Equals(folder.ExecuteScalar()))
                {
                    return true;
                }
                return isLast ? throw new InvalidOperationException($"Another server answers: {connectionString}.") : false;
            }
            catch (NpgsqlException) when (clock.Elapsed < TimeSpan.FromSeconds(60) && !_server!.HasExited)
            {
                Thread.Sleep(100);
            }
            catch (NpgsqlException) when (!isLast && _server!.HasExited)
            {
                return false;
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void Run(string program, params string[] arguments)
    {
        using Process process = Launch(program, arguments);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} failed:\n{output}\n{errors.Result}");
        }
    }

    private static Process Launch(string program, params string[] arguments)
    {
        string file = Path.Combine(Binaries!, program);
        ProcessStartInfo start = Environment.IsPrivilegedProcess ? new(RunAs!, ["-u", "postgres", "--", file, .. arguments]) : new(file, arguments);
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.WorkingDirectory = "/";
        return Process.Start(start)!;
    }
}
