using System.CommandLine;
using SagaRecovery.Cli.Access;
using SagaRecovery.Cli.CommandLine;
using SagaRecovery.Cli.Output;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Cli.Commands;

/// <summary>The status again and again, until Ctrl-C. A service that goes away meanwhile is waited for: that is when one watches.</summary>
internal static class WatchCommand
{
    public static Command Create(CommonOptions common)
    {
        Option<TimeSpan?> every = new("--every")
        {
            Description = "The time between two looks [default: 2s]",
            HelpName = "time",
            CustomParser = result => Values.ParseSpan(result),
        };
        var command = new ToolCommand(
            "watch",
            "The status again and again until Ctrl-C: in place on a terminal, otherwise one after the other (--json: one line each)",
            "watch --url http://127.0.0.1:5080",
            "watch --url http://127.0.0.1:5080 --every 10s --json >> status.jsonl")
        {
            every,
        };
        common.Run(command, (call, cancellationToken) => RunAsync(call, call.Value(every) ?? TimeSpan.FromSeconds(2), cancellationToken));
        return command;
    }

    private static async Task<ExitCode> RunAsync(Call call, TimeSpan every, CancellationToken cancellationToken)
    {
        ServiceAccess service = call.OpenService();
        await using (service.ConfigureAwait(false))
        {
            bool inPlace = call.Around.IsRich && !call.Json;
            try
            {
                Func<Task> look = call.Json ? await FirstJsonAsync(call, service, cancellationToken).ConfigureAwait(false)
                    : await FirstTextAsync(call, service, every, inPlace, cancellationToken).ConfigureAwait(false);
                while (true)
                {
                    await Task.Delay(every, call.Around.Time, cancellationToken).ConfigureAwait(false);
                    await look().ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return ExitCode.Done; // the only way in which watching ends
            }
        }
    }

    /// <summary>A first look that fails is the end of it: more often than not the address is wrong.</summary>
    private static async Task<Func<Task>> FirstJsonAsync(Call call, ServiceAccess service, CancellationToken cancellationToken)
    {
        await ReadViewAsync().ConfigureAwait(false);
        return () => OrNoteAsync(ReadViewAsync, line =>
        {
            call.Note(line);
            return Task.CompletedTask;
        }, cancellationToken);

        async Task ReadViewAsync() =>
            call.Screen.JsonLine(await service.StatusAsync(cancellationToken).ConfigureAwait(false), RecoveryReportJson.Default.RecoveryReport);
    }

    private static async Task<Func<Task>> FirstTextAsync(
        Call call, ServiceAccess service, TimeSpan every, bool inPlace, CancellationToken cancellationToken)
    {
        string text = await service.StatusTextAsync(cancellationToken).ConfigureAwait(false);
        if (inPlace)
        {
            call.Screen.Clear();
        }

        Print(text, trouble: null);
        return () => OrNoteAsync(
            async () => Print(text = await service.StatusTextAsync(cancellationToken).ConfigureAwait(false), trouble: null),
            line =>
            {
                Print(inPlace ? text : "", line);
                return Task.CompletedTask;
            },
            cancellationToken);

        void Print(string status, string? trouble)
        {
            string now = PlainText.Time(call.Around.Time.GetUtcNow());
            string heading = inPlace ? $"{now}  {service.Where}  every {PlainText.Duration(every)}, Ctrl-C ends" : $"--- {now}";
            string[] lines = [heading, .. trouble is null ? [] : new[] { $"!!! {trouble}{(inPlace ? " The last status was:" : "")}" }, .. Screen.Plain(status)];
            if (inPlace)
            {
                call.Screen.Redraw(lines);
            }
            else
            {
                call.Screen.Lines(string.Join('\n', lines));
            }
        }
    }

    private static async Task OrNoteAsync(Func<Task> look, Func<string, Task> note, CancellationToken cancellationToken)
    {
        try
        {
            await look().ConfigureAwait(false);
        }
        catch (Exception trouble) when (!cancellationToken.IsCancellationRequested && Failures.Of(trouble) is { ExitCode: ExitCode.Unreachable })
        {
            await note(Failures.Of(trouble).Message).ConfigureAwait(false);
        }
    }
}
