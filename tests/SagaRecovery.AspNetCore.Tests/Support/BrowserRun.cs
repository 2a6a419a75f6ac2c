using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Channels;

namespace SagaRecovery.AspNetCore.Tests.Support;

/// <summary>
/// One case in a headless browser: a script in <c>browser/cases</c>, run by node. If the case needs an event outside the
/// browser it prints a word and waits until it may continue.
/// </summary>
internal sealed class BrowserRun : IAsyncDisposable
{
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromMinutes(5);

    private readonly Process _node;
    private readonly Channel<string> _words = Channel.CreateUnbounded<string>();
    private readonly ConcurrentQueue<string> _errors = new();

    /// <param name="scene">The name of the case.</param>
    /// <param name="arguments">The page's address, and the other arguments of the case.</param>
    public BrowserRun(string scene, params IReadOnlyList<string> arguments)
    {
        string folder = Path.Combine(Repository.Root, "tests", "SagaRecovery.AspNetCore.Tests", "browser");
        if (!Directory.Exists(Path.Combine(folder, "node_modules", "playwright-core")))
        {
            throw new InvalidOperationException("The browser tests need chromium, node and playwright-core: run tests/install-browser.sh once.");
        }

        _node = new Process
        {
            StartInfo = new ProcessStartInfo("node", ["run.mjs", scene, .. arguments])
            {
                WorkingDirectory = folder,
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        _node.OutputDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                _words.Writer.TryComplete();
            }
            else
            {
                _words.Writer.TryWrite(line.Data);
            }
        };
        _node.ErrorDataReceived += (_, line) => _errors.Enqueue(line.Data ?? "");
        _node.Start();
        _node.BeginOutputReadLine();
        _node.BeginErrorReadLine();
    }

    /// <summary>Waits until the case prints this word.</summary>
    public async Task WaitForWordAsync(string word)
    {
        using var patience = new CancellationTokenSource(WaitTimeout);
        string? output = await _words.Reader.WaitToReadAsync(patience.Token) ? await _words.Reader.ReadAsync(patience.Token) : null;
        output.Should().Be(word, "the case printed: {0}", string.Join('\n', _errors));
    }

    /// <summary>Lets the case continue.</summary>
    public Task ContinueAsync() => _node.StandardInput.WriteLineAsync("continue");

    /// <summary>Waits until the case succeeds.</summary>
    public async Task EndsWellAsync()
    {
        using var patience = new CancellationTokenSource(WaitTimeout);
        await _node.WaitForExitAsync(patience.Token);
        _node.ExitCode.Should().Be(0, "the case printed: {0}", string.Join('\n', _errors));
    }

    public async ValueTask DisposeAsync()
    {
        if (!_node.HasExited)
        {
            _node.Kill(entireProcessTree: true);
            await _node.WaitForExitAsync();
        }

        _node.Dispose();
    }
}
