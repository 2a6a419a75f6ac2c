using System.CommandLine;
using SagaRecovery.Cli.CommandLine;

namespace SagaRecovery.Cli.Commands;

/// <summary>Prints shell completion scripts. The scripts call the tool itself for suggestions.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # saga-recovery completion for bash. Load it with: source <(saga-recovery completion bash)
        _saga_recovery() {
            local word="${COMP_WORDS[COMP_CWORD]}" found
            COMPREPLY=()
            while IFS= read -r found; do
                [[ "$found" == "$word"* ]] && COMPREPLY+=("$found")
            done < <("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
        }
        complete -o default -F _saga_recovery saga-recovery
        """;

    private const string Zsh = """
        #compdef saga-recovery
        # saga-recovery completion for zsh. Load it with: source <(saga-recovery completion zsh)
        _saga_recovery() {
            local -a found
            found=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -- "${found[@]}"
        }
        compdef _saga_recovery saga-recovery
        """;

    public static Command Create(CommonOptions common)
    {
        Argument<string> shell = new("shell") { Description = "bash or zsh" };
        shell.AcceptOnlyFromAmong("bash", "zsh");
        var command = new ToolCommand(
            "completion",
            "Prints a completion script for your shell",
            "completion bash > ~/.local/share/bash-completion/completions/saga-recovery")
        {
            shell,
        };
        common.SetHandler(command, (call, _) =>
        {
            call.Screen.Line(call.Value(shell) == "zsh" ? Zsh : Bash);
            return Task.FromResult(ExitCode.Done);
        });
        return command;
    }
}
