"""The training side of sentfeat: data builder, pretraining of the embedded base, SFT, DPO. See training/README.md."""
