// Everything is declared above; this is what happens first. On paper, nothing may stay folded.

document.getElementById("scriptless").remove();
startTheme();
startScenarios();
startKeyboard();
addEventListener("beforeprint", () => { for (const one of document.querySelectorAll("details")) one.open = true; });
document.querySelector('.bar a[href="#report"]').addEventListener("click", () => { document.getElementById("report").open = true; });
